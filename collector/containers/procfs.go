package containers

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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

// started is the time a process began, in clock ticks since boot; 0 if it cannot be read.
func (p procfs) started(pid int) uint64 {
	b, _ := readBounded(p.file(pid, "stat"), 4096)
	if i := bytes.LastIndexByte(b, ')'); i >= 0 {
		if f := bytes.Fields(b[i+1:]); len(f) > 19 {
			t, _ := strconv.ParseUint(string(f[19]), 10, 64)
			return t
		}
	}
	return 0
}

// environ picks the known variables of a process's environment.
func (p procfs) environ(pid int) (map[string]string, error) {
	b, err := readBounded(p.file(pid, "environ"), maxEnv)
	return parseEnviron(b), err
}

// starting tells that a process is still the runtime's own, with its own
// environment, before it executes the container's program.
func (p procfs) starting(pid int) bool {
	b, err := readBounded(p.file(pid, "comm"), 64)
	comm := strings.TrimSpace(string(b))
	return err != nil || comm == "runc" || strings.HasPrefix(comm, "runc:[") || comm == "crun" || comm == "exe" || comm == "mesos-container"
}

// hierarchies lists where the cgroup hierarchies are mounted, v2 first.
func (p procfs) hierarchies() []string {
	b, err := readBounded(string(p)+"/self/mountinfo", 4<<20)
	if err != nil {
		return nil
	}
	var v1, v2 []string
	for line := range bytes.Lines(b) {
		pre, post, _ := bytes.Cut(line, []byte(" - "))
		f, t := bytes.Fields(pre), bytes.Fields(post)
		switch {
		case len(f) < 5 || len(t) < 1 || string(f[3]) != "/":
		case string(t[0]) == "cgroup2":
			v2 = append(v2, string(f[4]))
		case string(t[0]) == "cgroup":
			v1 = append(v1, string(f[4]))
		}
	}
	return append(v2, v1...)
}

// firstProcess is the oldest process of a cgroup or, where it has none itself,
// of the ones below (systemd in a container, crun, Mesos on v2 keep theirs in a
// sub-cgroup); 0 if there is none.
func (p procfs) firstProcess(roots []string, path string) int {
	found := 0
	for _, root := range roots {
		dir := root + path
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil {
			continue
		}
		if pid := p.oldest(dir + "/cgroup.procs"); pid > 0 {
			return pid
		}
		if st.Nlink > 2 { // kernfs counts directories there
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.IsDir() {
					if pid := p.oldest(dir + "/" + e.Name() + "/cgroup.procs"); pid > 0 {
						return pid
					}
				}
			}
		}
		if found++; found == 2 { // the others have the same processes
			break
		}
	}
	return 0
}

// oldest reads a list of processes and tells which one began first.
func (p procfs) oldest(file string) int {
	b, err := readBounded(file, 64<<10)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0
	}
	best, bestAt := 0, uint64(0)
	n := 0
	for line := range bytes.Lines(b) {
		pid, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil || pid <= 0 {
			continue
		}
		if at := p.started(pid); at > 0 && (best == 0 || at < bestAt || at == bestAt && pid < best) {
			best, bestAt = pid, at
		}
		if n++; n == 64 { // of a great crowd, the first ones listed will do
			break
		}
	}
	return best
}
