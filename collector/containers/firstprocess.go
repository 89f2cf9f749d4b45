package containers

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

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

// oldest reads a list of processes and tells which one began first. It is asked
// of every new cgroup again and again, and most have none: so it takes no more
// than the three calls, and no memory.
func (p procfs) oldest(file string) int {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var list [mostListed * 8]byte // of a great crowd, the first ones listed will do
	size := 0
	for size < len(list) {
		n, err := unix.Read(fd, list[size:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0
		}
		if n == 0 {
			break
		}
		size += n
	}
	best, bestAt := 0, uint64(0)
	n := 0
	for line := range bytes.Lines(list[:size]) {
		if line[len(line)-1] != '\n' {
			break // cut
		}
		pid, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil || pid <= 0 {
			continue
		}
		if at := p.started(pid); at > 0 && (best == 0 || at < bestAt || at == bestAt && pid < best) {
			best, bestAt = pid, at
		}
		if n++; n == mostListed {
			break
		}
	}
	return best
}

// mostListed is how many processes of a cgroup are looked at.
const mostListed = 64
