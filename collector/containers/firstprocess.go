package containers

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"

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

// hierarchies lists where the cgroup hierarchies are mounted, v2 first, and tells
// which of them counts processes ("" if none does).
func (p procfs) hierarchies() (roots []string, pids string) {
	b, err := readBounded(string(p)+"/self/mountinfo", 4<<20)
	if err != nil {
		return nil, ""
	}
	var v1, v2 []string
	for line := range bytes.Lines(b) {
		pre, post, _ := bytes.Cut(line, []byte(" - "))
		f, t := bytes.Fields(pre), bytes.Fields(post)
		switch {
		case len(f) < 5 || len(t) < 1 || string(f[3]) != "/":
		case string(t[0]) == "cgroup2":
			v2 = append(v2, string(f[4]))
			if pids == "" {
				pids = v2[0]
			}
		case string(t[0]) == "cgroup":
			v1 = append(v1, string(f[4]))
			for o := range bytes.SplitSeq(t[len(t)-1], []byte(",")) {
				if string(o) == "pids" {
					pids = string(f[4])
				}
			}
		}
	}
	return append(v2, v1...), pids
}

// firstProcess is the oldest process of a cgroup or, where it has none itself,
// of the ones below (systemd in a container, crun, Mesos on v2 keep theirs in a
// sub-cgroup); 0 if there is none. pids is as of hierarchies: its count, of those
// below too, costs a tenth of v1's lists.
func (p procfs) firstProcess(roots []string, pids, path string) int {
	var count [32]byte
	if b := readSmall(pids+path+"/pids.current", count[:]); pids != "" && string(b) == "0\n" {
		return 0
	}
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
// of new cgroups again and again.
func (p procfs) oldest(file string) int {
	list := lists.Get().(*[mostListed * 8]byte) // of a great crowd, the first ones listed will do
	defer lists.Put(list)
	best, bestAt := 0, uint64(0)
	n := 0
	for line := range bytes.Lines(readSmall(file, list[:])) {
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

var lists = sync.Pool{New: func() any { return new([mostListed * 8]byte) }}

// readSmall reads a file of the kernel's, as much of it as buf takes; nothing if
// it cannot be read.
func readSmall(file string, buf []byte) []byte {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	size := 0
	for size < len(buf) {
		n, err := unix.Read(fd, buf[size:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil
		}
		if n == 0 {
			break
		}
		size += n
	}
	return buf[:size]
}
