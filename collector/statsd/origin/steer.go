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

// steerPrefix is how the steering of a network namespace is called in the store.
const steerPrefix = "ns-"

// steerName is short: see intake.portName.
func steerName(netns uint64) string { return steerPrefix + strconv.FormatUint(netns, 36) }

// attachment is the steering at work in one network namespace.
type attachment struct {
	*bpf.Attachment
	users int // endpoints that are to be heard there; the collector's own has one for good
}

// startSteering opens the one socket and steers our own network namespace's
// ports to it.
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

// hand gives the steering to the store, so that packets go on being queued while
// no process is there, and ends that of the process before.
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

// adopt goes on with the steering of the process before in network namespaces of
// containers that are not known again yet.
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
			t.c.Store.Remove(name) // it is tried again at the next start
		}
	}
}

// join lets the containers' ports be heard in one more network namespace, on its
// own loopback: a container that has it to itself needs no route to the host.
// Done twice, it has to be left twice. t.mu is held.
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
	if a != nil && a.Netns() != ino { // one that is gone had the number before
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

// leave undoes one join. t.mu is held.
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
		t.c.Store.Remove(steerName(ino)) // it is tried again at the next start
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
