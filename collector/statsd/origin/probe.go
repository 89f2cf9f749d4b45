package origin

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"

	"github.com/daytwo/daytwo/bpf"
)

// TrySteering returns why this kernel cannot steer ports onto one socket. What it
// attaches for that steers no port, and is gone when it returns.
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

// TrySender returns why this kernel cannot tell which cgroup sends. What it attaches for
// that looks at no port, and is gone when it returns.
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

// TryDrops returns an error unless this kernel says whose packets it drops. What it attaches
// for that looks at no socket, and is gone when it returns.
func TryDrops() error {
	d, err := bpf.NewDrops(nil)
	if err != nil {
		return err
	}
	return d.Close()
}
