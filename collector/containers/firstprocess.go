package containers

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
)

// processWait is the longest wait for a file of a process that may hang. It is short
// because lookups run one after the other and each may read many processes.
const processWait = 100 * time.Millisecond

// firstProcess returns the oldest process of a cgroup, or 0 if there is none. If the
// cgroup itself has no processes, those of its sub-cgroups are searched: systemd in a
// container, crun, and Mesos on v2 put the processes there.
func (r *Resolver) firstProcess(path string) int {
	// pids.current also counts the processes below. Reading it costs a tenth of reading
	// the lists on v1.
	var count [32]byte
	if b := readSmall(r.pids+path+"/pids.current", count[:]); r.pids != "" && string(b) == "0\n" {
		return 0
	}
	found := 0
	for _, root := range r.cgroups {
		dir := root + path
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil {
			continue
		}
		if pid := r.oldest(dir + "/cgroup.procs"); pid > 0 {
			return pid
		}
		if st.Nlink > 2 { // a directory's link count in kernfs includes its subdirectories
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.IsDir() {
					if pid := r.oldest(dir + "/" + e.Name() + "/cgroup.procs"); pid > 0 {
						return pid
					}
				}
			}
		}
		if found++; found == 2 { // the other hierarchies have the same processes
			break
		}
	}
	return 0
}

// oldest reads a list of processes and returns the one that started first. If a process
// cannot be read, it returns the first of the list. v2 lists processes in the order in
// which they joined, v1 by pid.
func (r *Resolver) oldest(file string) int {
	pids := listed(file)
	switch len(pids) {
	case 0:
		return 0
	case 1:
		return pids[0]
	}
	best, err := bounded.Do(r.calls.process, file, processWait, func() (int, error) { return r.proc.oldestOf(pids), nil })
	if err != nil {
		return pids[0]
	}
	return best
}

// oldestOf returns the process that started first, or 0 if none is left. It may block
// forever.
func (p procfs) oldestOf(pids []int) int {
	best, bestAt := 0, uint64(0)
	for _, pid := range pids {
		if at := p.started(pid); at > 0 && (best == 0 || at < bestAt || at == bestAt && pid < best) {
			best, bestAt = pid, at
		}
	}
	return best
}

// listed reads the list of processes of a cgroup, and at most its first mostListed. New
// cgroups are read repeatedly, so a long list must not cost much.
func listed(file string) (pids []int) {
	list := lists.Get().(*[mostListed * 8]byte)
	defer lists.Put(list)
	for line := range bytes.Lines(readSmall(file, list[:])) {
		if line[len(line)-1] != '\n' {
			break // the last line is incomplete
		}
		if pid, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
		if len(pids) == mostListed {
			break
		}
	}
	return pids
}

// mostListed limits how many processes of one cgroup are read.
const mostListed = 64

var lists = sync.Pool{New: func() any { return new([mostListed * 8]byte) }}
