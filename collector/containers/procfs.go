package containers

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// procfs is where procfs is mounted. Some files of another process can be read at any
// time: cgroup, comm, status, net/dev. Others block while the process is in execve(2),
// which may last forever if that waits for a filesystem: environ always does, stat on
// some kernels. Those are only read through package bounded.
type procfs string

func (p procfs) file(pid int, name string) string {
	return string(p) + "/" + strconv.Itoa(pid) + "/" + name
}

// cgroupPaths returns the distinct cgroup paths of a process in all hierarchies, without
// the root and paths outside the collector's cgroup namespace.
func (p procfs) cgroupPaths(pid int) ([]string, error) {
	b, err := readBounded(p.file(pid, "cgroup"), 1<<20)
	if err != nil {
		return nil, err
	}
	var paths []string
	for line := range bytes.Lines(b) {
		f := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte(":"), 3)
		if len(f) != 3 {
			continue
		}
		path := string(bytes.TrimSuffix(f[2], []byte(" (deleted)")))
		if path != "/" && path != "" && !strings.HasPrefix(path, "/..") && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// containerPaths returns the cgroups of the container id, whose first process is pid.
// These are the cgroups of that process. If the container's init moved to a cgroup
// further down, they are the cgroups above it whose name contains the id. Cgroups that
// the parent process shares belong to the launcher and are omitted.
func (p procfs) containerPaths(pid int, id string) []string {
	paths, err := p.cgroupPaths(pid)
	if err != nil {
		return nil
	}
	var shared []string
	if ppid := p.parent(pid); ppid > 0 {
		shared, _ = p.cgroupPaths(ppid)
	}
	var own []string
	for _, path := range paths {
		if slices.Contains(shared, path) {
			continue
		}
		if !slices.Contains(own, trimTo(path, id)) {
			own = append(own, trimTo(path, id))
		}
	}
	return own
}

// trimTo cuts a path after the first directory whose name contains the id.
func trimTo(path, id string) string {
	for i := 1; i < len(path); {
		end := len(path)
		if j := strings.IndexByte(path[i:], '/'); j >= 0 {
			end = i + j
		}
		if parsePath(path[:end]).id == id || path[i:end] == id {
			return path[:end]
		}
		i = end + 1
	}
	return path
}

// parent returns the pid of a process's parent, or 0 if it cannot be read.
func (p procfs) parent(pid int) int {
	b, _ := readBounded(p.file(pid, "status"), 8<<10)
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("PPid:")); ok {
			ppid, _ := strconv.Atoi(string(bytes.TrimSpace(rest)))
			return ppid
		}
	}
	return 0
}

// starting reports whether a process still runs the runtime's own program, with that
// program's environment, before it executes the container's.
func (p procfs) starting(pid int) bool {
	b, err := readBounded(p.file(pid, "comm"), 64)
	comm := strings.TrimSpace(string(b))
	return err != nil || comm == "runc" || strings.HasPrefix(comm, "runc:[") ||
		comm == "crun" || comm == "exe" || comm == "mesos-container"
}

// started returns when a process started, in clock ticks since boot, or 0 if that cannot
// be read. It may block forever.
func (p procfs) started(pid int) uint64 {
	b, _ := readBounded(p.file(pid, "stat"), 4096)
	// The name in parentheses may contain any character, so search for the last
	// parenthesis.
	if i := bytes.LastIndexByte(b, ')'); i >= 0 {
		if f := bytes.Fields(b[i+1:]); len(f) > 19 {
			t, _ := strconv.ParseUint(string(f[19]), 10, 64)
			return t
		}
	}
	return 0
}

// errNoEnviron is the error for an environment that is empty. The kernel shows a process
// like that until execve(2) has set up its memory (environ_read() in fs/proc/base.c), and
// for a moment after it has let go those who waited for it.
var errNoEnviron = errors.New("the process has no environment, or none yet")

// environ reads the variables of envNames from a process's environment. It may block
// forever.
func (p procfs) environ(pid int) (map[string]string, error) {
	b, err := readBounded(p.file(pid, "environ"), maxEnv)
	if err == nil && len(b) == 0 {
		err = errNoEnviron
	}
	return parseEnviron(b), err
}
