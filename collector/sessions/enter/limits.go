package enter

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// limitNames are the names of resource limits in /proc/PID/limits, by their numbers.
var limitNames = [...]string{
	unix.RLIMIT_CPU: "Max cpu time", unix.RLIMIT_FSIZE: "Max file size", unix.RLIMIT_DATA: "Max data size",
	unix.RLIMIT_STACK: "Max stack size", unix.RLIMIT_CORE: "Max core file size", unix.RLIMIT_RSS: "Max resident set",
	unix.RLIMIT_NPROC: "Max processes", unix.RLIMIT_NOFILE: "Max open files", unix.RLIMIT_MEMLOCK: "Max locked memory",
	unix.RLIMIT_AS: "Max address space", unix.RLIMIT_LOCKS: "Max file locks",
	unix.RLIMIT_SIGPENDING: "Max pending signals", unix.RLIMIT_MSGQUEUE: "Max msgqueue size",
	unix.RLIMIT_NICE: "Max nice priority", unix.RLIMIT_RTPRIO: "Max realtime priority",
	unix.RLIMIT_RTTIME: "Max realtime timeout",
}

// parseLimits parses /proc/PID/limits. (prlimit(2) would need CAP_SYS_RESOURCE to read
// those of another user.)
func parseLimits(text string) (all [len(limitNames)]unix.Rlimit, err error) {
	lines := strings.Split(text, "\n")
	for i, name := range limitNames {
		found := false
		for _, line := range lines {
			rest, ok := strings.CutPrefix(line, name+" ")
			if !ok {
				continue
			}
			f := strings.Fields(rest)
			if len(f) < 2 {
				return all, fmt.Errorf("%s: two numbers are missing", name)
			}
			for j, to := range []*uint64{&all[i].Cur, &all[i].Max} {
				if f[j] == "unlimited" {
					*to = unix.RLIM_INFINITY
				} else if err := number(f[j], 10, to); err != nil {
					return all, fmt.Errorf("%s: %w", name, err)
				}
			}
			found = true
		}
		if !found {
			return all, fmt.Errorf("there is no limit %s", name)
		}
	}
	return all, nil
}
