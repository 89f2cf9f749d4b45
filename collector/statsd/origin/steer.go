package origin

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bpf"
)

// steerPrefix is the prefix of the names in the store of network namespaces' steering.
const steerPrefix = "ns-"

// steerName returns the name in the store. It is short for the reason given at
// intake.portName.
func steerName(netns uint64) string { return steerPrefix + strconv.FormatUint(netns, 36) }

// attachment is the steering attached in one network namespace.
type attachment struct {
	*bpf.Attachment
	users int // endpoints that receive there; the collector's own namespace counts one more, so it is never detached
}

// startSteering opens the socket and steers the ports of the collector's own network
// namespace to it.
func (t *Table) startSteering() error {
	a4, a6 := t.c.Host, netip.Addr{}
	if t.c.Host.Is6() {
		a4, a6 = a6, t.c.Host
	}
	s, err := bpf.NewSteer(a4, a6)
	if err != nil {
		return err
	}
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		s.Close()
		return err
	}
	defer ns.Close()
	fd, err := t.c.Socket(netip.AddrPortFrom(t.c.Host, t.c.Ports.First))
	if err == nil {
		err = s.Socket(fd)
	}
	var a *bpf.Attachment
	if err == nil {
		a, err = s.Attach(int(ns.Fd()))
	}
	if err != nil {
		s.Close()
		return err
	}
	t.steer, t.steered, t.own = s, true, inodeOf(ns)
	t.attach[t.own] = &attachment{a, 1}
	return nil
}

// hand stores the steering, so that packets are still queued while no process runs, and
// detaches that of the previous process.
func (t *Table) hand(netns uint64, a *attachment) {
	if t.c.Store == nil {
		return
	}
	name := steerName(netns)
	old := t.c.Store.Take(name)
	err := t.c.Store.Remove(name)
	if err == nil {
		err = t.c.Store.Put(name, a.FD())
	}
	for _, fd := range old {
		unix.Close(fd)
	}
	if err != nil {
		t.c.Log.Warn("packets to containers' ports are lost while the collector restarts", "err", err)
	}
}

// adopt takes over the previous process's steering in the network namespaces of
// containers that are not known yet.
func (t *Table) adopt() {
	if t.c.Store == nil || !t.steered {
		return
	}
	for _, name := range t.c.Store.Names() {
		if !strings.HasPrefix(name, steerPrefix) {
			continue
		}
		kept := false
		for _, fd := range t.c.Store.Take(name) {
			a, err := t.steer.Adopt(fd)
			if err != nil {
				t.c.Log.Warn("a network namespace is not served until its container is known again", "err", err)
				continue
			}
			if ino := a.Netns(); !kept && ino != 0 && steerName(ino) == name && t.attach[ino] == nil {
				t.attach[ino], kept = &attachment{a, 0}, true
			} else {
				a.Close()
			}
		}
		if !kept {
			t.c.Store.Remove(name) // removed again at the next start if this fails
		}
	}
}

// join attaches the steering in one more network namespace, on its loopback. A container
// with a namespace of its own so needs no route to the host. Each join needs one leave.
// The caller holds t.mu.
func (t *Table) join(ns *os.File) (ino uint64, err error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(ns.Fd()), &fs); err != nil || fs.Type != unix.NSFS_MAGIC {
		return 0, fmt.Errorf("network namespace %s: it is no namespace", ns.Name())
	}
	if t.closed {
		return 0, errors.New("the table is closed")
	}
	ino = inodeOf(ns)
	a := t.attach[ino]
	if a != nil && a.Netns() != ino { // the inode number of a namespace that is gone was reused
		a.Close()
		a.Attachment = nil
	}
	if a == nil || a.Attachment == nil {
		l, err := t.steer.Attach(int(ns.Fd()))
		if err != nil {
			if a != nil {
				delete(t.attach, ino)
			}
			return 0, err
		}
		if a == nil {
			a = &attachment{}
			t.attach[ino] = a
		}
		a.Attachment = l
		if t.loaded {
			t.hand(ino, a)
		}
	}
	a.users++
	return ino, nil
}

// leave undoes one join. The caller holds t.mu.
func (t *Table) leave(ino uint64) {
	a := t.attach[ino]
	if a == nil || t.closed {
		return
	}
	if a.users--; a.users <= 0 {
		t.detach(ino, a)
	}
}

func (t *Table) detach(ino uint64, a *attachment) {
	if t.c.Store != nil {
		t.c.Store.Remove(steerName(ino)) // removed again at the next start if this fails
	}
	a.Close()
	delete(t.attach, ino)
}

func inodeOf(f *os.File) uint64 {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return 0
	}
	return st.Ino
}
