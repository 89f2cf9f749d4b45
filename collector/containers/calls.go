package containers

import (
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// calls groups the operations that may block forever, by what can block them.
type calls struct {
	environ *bounded.Source // reading /proc/PID/environ
	process *bounded.Source // reading /proc/PID/stat
	system  *bounded.Source // directories and sockets of the system's runtimes
	user    *bounded.Source // directories and sockets below userDirs
}

// userDirs is where users' runtime directories are, each named for its user's number. A
// user may mount any filesystem there. A test has another one.
var userDirs = "/run/user/"

// fileWait is the longest wait for a file or directory of a runtime.
const fileWait = 250 * time.Millisecond

func (r *Resolver) newCalls(set *bounded.Set) calls {
	return calls{
		environ: set.Source("environ", 6, r.again),
		process: set.Source("process_stat", 4, nil),
		system:  set.Source("runtime_files", 4, nil),
		user:    set.Source("user_runtime_files", 4, nil),
	}
}

// files returns the call source for a runtime's path. Paths of users have a source of
// their own, so that they cannot exhaust the system's.
func (c *calls) files(path string) *bounded.Source {
	if strings.HasPrefix(path, userDirs) {
		return c.user
	}
	return c.system
}
