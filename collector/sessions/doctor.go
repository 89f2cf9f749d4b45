package sessions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/session/grant"
)

// Doctor reports whether sessions can be opened with these options.
func Doctor(o Options) []health.Check {
	o.defaults()
	checks := []health.Check{checkSessions(&o)}
	if o.PolicyFile != "" {
		checks = append(checks, checkPolicy(o.PolicyFile))
	}
	return checks
}

// checkPolicy reports whether the node's own policy can be used.
func checkPolicy(path string) health.Check {
	check := health.Check{Name: "session policy", State: health.OK}
	p, err := policy.Load(path)
	if err != nil {
		check.State, check.Detail = health.Fail, err.Error()
		check.Fix = "correct the file of --session-policy: until then this node denies everything about sessions"
		return check
	}
	rules, groups, roles := p.Summary()
	check.Detail = fmt.Sprintf("%s: %d rules, %d groups, %d roles; sessions need them and a relay's grant", path, rules,
		groups, roles)
	return check
}

func checkSessions(o *Options) health.Check {
	check := health.Check{Name: "sessions", State: health.OK}
	keys, err := grant.LoadPublic(o.KeysFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.KeysNeeded:
		check.Detail = "off: " + o.KeysFile + " does not exist; to let relays open sessions in containers of this node, " +
			"give --session-keys a file with their public keys (session-key.pem.pub in the data directory of each)"
		return check
	case err != nil:
		check.State, check.Detail, check.Fix = health.Fail, err.Error(), "correct the file of --session-keys"
		return check
	}
	if _, err := o.Helper(); err != nil {
		check.State, check.Detail = health.Fail, err.Error()
		check.Fix = "allow memfd_create(2) and the execution of what it makes (sysctl vm.memfd_noexec=0)"
		return check
	}
	check.Detail = fmt.Sprintf("%d keys of relays in %s", len(keys), o.KeysFile)
	if o.NodeExec {
		check.Detail += "; commands on the node itself are allowed (--node-exec)"
		if _, err := os.Readlink("/proc/1/ns/mnt"); err != nil {
			check.State, check.Detail = health.Warn, check.Detail+", and cannot be run: "+err.Error()
			check.Fix = "give the collector all capabilities that the node's first process has"
			return check
		}
	}
	if len(findHierarchies()) == 0 {
		check.State, check.Detail = health.Warn, check.Detail+"; no cgroup hierarchy of version 2 and no freezer is "+
			"mounted, so that processes that detach themselves outlive their session"
		check.Fix = "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified"
	}
	return check
}
