package containers

import (
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// calls are those that may never return, by what can hold them.
type calls struct {
	environ *bounded.Source // environments of processes
	process *bounded.Source // stat of processes
	system  *bounded.Source // directories and sockets of runtimes
	user    *bounded.Source // the same below userDirs
}

// userDirs are the directories of users, who may mount what they like there.
const userDirs = "/run/user/"

// fileWait is how long a file or a directory of a runtime is awaited.
const fileWait = 250 * time.Millisecond

func (r *Resolver) newCalls(set *bounded.Set) calls {
	return calls{
		environ: set.Source("environ", 6, r.again),
		process: set.Source("process_stat", 4, nil),
		system:  set.Source("runtime_files", 4, nil),
		user:    set.Source("user_runtime_files", 4, nil),
	}
}

// files returns the source for a path of a runtime: users cannot use up what the
// system's own runtimes need.
func (c *calls) files(path string) *bounded.Source {
	if strings.HasPrefix(path, userDirs) {
		return c.user
	}
	return c.system
}
