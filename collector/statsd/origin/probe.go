package origin

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"

	"github.com/daytwo/daytwo/bpf"
)

// TrySteering returns why this kernel cannot steer ports onto one socket, or nil. The
// program that it attaches steers no port and is detached before it returns.
func TrySteering() error {
	s, err := bpf.NewSteer(netip.MustParseAddr("127.0.0.1"), netip.Addr{})
	if err != nil {
		return err
	}
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err == nil {
		defer ns.Close()
		var a *bpf.Attachment
		if a, err = s.Attach(int(ns.Fd())); err == nil {
			err = a.Close()
		}
	}
	return errors.Join(err, s.Close())
}

// TrySender returns why this kernel cannot identify the cgroup of a sender, or nil. The
// program that it attaches watches no port and is detached before it returns.
func TrySender() error {
	t := Table{c: Config{Log: slog.New(slog.DiscardHandler)}}
	t.openTrees()
	defer t.closeTrees()
	if t.trees[bpf.HierarchyUnified].dir == "" {
		return errors.New("cgroup v2 is not mounted")
	}
	s, err := t.newSender()
	if err != nil {
		return err
	}
	return s.Close()
}

// TryDrops returns why this kernel does not report whose packets it drops, or nil. The
// program that it attaches watches no socket and is detached before it returns.
func TryDrops() error {
	d, err := bpf.NewDrops(nil)
	if err != nil {
		return err
	}
	return d.Close()
}
