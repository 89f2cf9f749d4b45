package containers

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// procfs reads what it needs of a /proc mount. Some files of another process can
// be read at any time: cgroup, comm, status, net/dev. Others wait for as long as
// the process is in execve(2), which may be for ever if that waits for a
// filesystem: environ always, stat on some kernels. Those are read through
// package bounded alone.
type procfs string

func (p procfs) file(pid int, name string) string {
	return string(p) + "/" + strconv.Itoa(pid) + "/" + name
}

// cgroupPaths lists the distinct cgroups of a process over all hierarchies,
// without the root and what lies outside our own cgroup namespace.
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

// containerPaths lists the cgroups that belong to the container id whose first
// process is pid: those of the process itself, or the ones above that carry the
// id where the container's init has moved into a cgroup further down. What the
// parent process shares is the launcher's, not the container's.
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

// trimTo cuts a path after the first directory that carries the id.
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

// parent is the parent of a process, 0 if it cannot be read.
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

// starting reports whether a process is still the runtime's own, with its own
// environment, before it executes the container's program.
func (p procfs) starting(pid int) bool {
	b, err := readBounded(p.file(pid, "comm"), 64)
	comm := strings.TrimSpace(string(b))
	return err != nil || comm == "runc" || strings.HasPrefix(comm, "runc:[") || comm == "crun" || comm == "exe" || comm == "mesos-container"
}

// started is the time a process began, in clock ticks since boot; 0 if it cannot
// be read. It may never return.
func (p procfs) started(pid int) uint64 {
	b, _ := readBounded(p.file(pid, "stat"), 4096)
	// The name in parentheses may hold anything: what follows the last one is plain.
	if i := bytes.LastIndexByte(b, ')'); i >= 0 {
		if f := bytes.Fields(b[i+1:]); len(f) > 19 {
			t, _ := strconv.ParseUint(string(f[19]), 10, 64)
			return t
		}
	}
	return 0
}

// environ picks the known variables of a process's environment. It may never return.
func (p procfs) environ(pid int) (map[string]string, error) {
	b, err := readBounded(p.file(pid, "environ"), maxEnv)
	return parseEnviron(b), err
}
