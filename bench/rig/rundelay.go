package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// RunDelay calls f and returns for how long threads of a process, and of the test, waited
// for a processor meanwhile: what a busy machine costs, as opposed to whatever else they
// wait for. The process may end meanwhile.
func RunDelay(pid int, f func()) (waited time.Duration) {
	began := runDelay(pid)
	stop, most := make(chan struct{}), make(chan time.Duration)
	go func() {
		last := began
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-tick.C:
				last = max(last, runDelay(pid)) // what ended threads had waited is gone
			case <-stop:
				tick.Stop()
				most <- max(last, runDelay(pid))
				return
			}
		}
	}()
	defer func() { close(stop); waited = <-most - began }()
	f()
	return 0
}

// runDelay adds up the second number of schedstat of all threads: nanoseconds that they
// were runnable and did not run (the kernel's Documentation/scheduler/sched-stats.rst).
func runDelay(pid int) (sum time.Duration) {
	for _, dir := range []string{fmt.Sprintf("/proc/%d/task", pid), "/proc/self/task"} {
		files, _ := filepath.Glob(dir + "/*/schedstat")
		for _, f := range files {
			b, _ := os.ReadFile(f) // a thread that has ended waits for nothing
			if fields := strings.Fields(string(b)); len(fields) == 3 {
				n, _ := strconv.ParseInt(fields[1], 10, 64)
				sum += time.Duration(n)
			}
		}
	}
	return sum
}
