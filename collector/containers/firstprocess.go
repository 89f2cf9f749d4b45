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

// processWait is how long a look-up waits for a file of a process that may hang.
// It is but one of many that the look-ups ask for, one after the other.
const processWait = 100 * time.Millisecond

// firstProcess is the oldest process of a cgroup or, where it has none itself,
// of the ones below (systemd in a container, crun, Mesos on v2 keep theirs in a
// sub-cgroup); 0 if there is none.
func (r *Resolver) firstProcess(path string) int {
	// pids.current counts those below too, and costs a tenth of v1's lists.
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
		if st.Nlink > 2 { // kernfs counts directories there
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.IsDir() {
					if pid := r.oldest(dir + "/" + e.Name() + "/cgroup.procs"); pid > 0 {
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

// oldest reads a list of processes and returns the one that began first: the first
// of the list where one of them keeps us from knowing, which v2 lists by the time
// they came, v1 by their numbers.
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

// oldestOf returns the process that began first, 0 if none is left. It may never
// return.
func (p procfs) oldestOf(pids []int) int {
	best, bestAt := 0, uint64(0)
	for _, pid := range pids {
		if at := p.started(pid); at > 0 && (best == 0 || at < bestAt || at == bestAt && pid < best) {
			best, bestAt = pid, at
		}
	}
	return best
}

// listed reads the processes of a cgroup's list; of a great crowd, the first ones
// listed will do. It is asked of new cgroups again and again.
func listed(file string) (pids []int) {
	list := lists.Get().(*[mostListed * 8]byte)
	defer lists.Put(list)
	for line := range bytes.Lines(readSmall(file, list[:])) {
		if line[len(line)-1] != '\n' {
			break // cut
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

// mostListed is how many processes of a cgroup are looked at.
const mostListed = 64

var lists = sync.Pool{New: func() any { return new([mostListed * 8]byte) }}
