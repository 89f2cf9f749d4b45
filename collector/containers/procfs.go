package containers

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// readBounded reads at most limit bytes of a file.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// procfs reads what it needs of a /proc mount.
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
	b, _ := readBounded(p.file(pid, "stat"), 4096)
	// The name in parentheses may hold anything: what follows the last one is plain.
	if i := bytes.LastIndexByte(b, ')'); i >= 0 {
		if f := bytes.Fields(b[i+1:]); len(f) > 2 {
			ppid, _ := strconv.Atoi(string(f[1]))
			return ppid
		}
	}
	return 0
}

// environ picks the known variables of a process's environment.
func (p procfs) environ(pid int) (map[string]string, error) {
	b, err := readBounded(p.file(pid, "environ"), maxEnv)
	return parseEnviron(b), err
}
