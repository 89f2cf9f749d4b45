package sessions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/session/grant"
)

// Doctor reports whether sessions can be opened with these options.
func Doctor(o Options) []health.Check {
	o.defaults()
	check := health.Check{Name: "sessions", State: health.OK}
	keys, err := grant.LoadPublic(o.KeysFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.KeysNeeded:
		check.Detail = "off: " + o.KeysFile + " does not exist; to let relays open sessions in containers of this node, " +
			"give --session-keys a file with their public keys (session-key.pem.pub in the data directory of each)"
		return []health.Check{check}
	case err != nil:
		check.State, check.Detail, check.Fix = health.Fail, err.Error(), "correct the file of --session-keys"
		return []health.Check{check}
	}
	if _, err := o.Helper(); err != nil {
		check.State, check.Detail = health.Fail, err.Error()
		check.Fix = "allow memfd_create(2) and the execution of what it makes (sysctl vm.memfd_noexec=0)"
		return []health.Check{check}
	}
	check.Detail = fmt.Sprintf("%d keys of relays in %s", len(keys), o.KeysFile)
	if o.NodeExec {
		check.Detail += "; commands on the node itself are allowed (--node-exec)"
		if _, err := os.Readlink("/proc/1/ns/mnt"); err != nil {
			check.State, check.Detail = health.Warn, check.Detail+", and cannot be run: "+err.Error()
			check.Fix = "give the collector all capabilities that the node's first process has"
			return []health.Check{check}
		}
	}
	if len(findHierarchies()) == 0 {
		check.State, check.Detail = health.Warn, check.Detail+"; no cgroup hierarchy of version 2 and no freezer is "+
			"mounted, so that processes that detach themselves outlive their session"
		check.Fix = "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified"
	}
	return []health.Check{check}
}
