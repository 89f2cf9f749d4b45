package origin

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bpf"
)

// steerName is what the steering is called in the store, with the inode of the
// network namespace.
const steerName = "statsd-steering-"

// attachment is the steering at work in one network namespace.
type attachment struct {
	*bpf.Attachment
	users int // endpoints that asked for it; the collector's own has one for good
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
	fd, err := t.c.Socket(netip.AddrPortFrom(t.c.Host, t.c.First))
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
	t.steer, t.steered = s, true
	t.attach[inodeOf(ns)] = &attachment{a, 1}
	return nil
}

// hand gives the steering to the store, so that packets go on being queued while
// no process is there, and ends that of the process before.
func (t *Table) hand(netns uint64, a *attachment) {
	if t.c.Store == nil {
		return
	}
	name := steerName + strconv.FormatUint(netns, 10)
	old := t.c.Store.Take(name)
	err := t.c.Store.Remove(name)
	if err == nil {
		err = t.c.Store.Put(name, a.FD())
	}
	for _, fd := range old {
		unix.Close(fd)
	}
	if err != nil {
		t.c.Log.Warn("packets to containers' ports are lost while the collector restarts", "error", err)
	}
}

// AttachNetns lets the containers' ports be heard in one more network namespace,
// on its own loopback: a container that has it to itself needs no route to the
// host. Done twice, it has to be undone twice.
func (t *Table) AttachNetns(file string) (detach func(), err error) {
	if !t.steered {
		return nil, errors.New("ports are not steered here, so network namespaces of containers cannot be served")
	}
	ns, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	defer ns.Close()
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(ns.Fd()), &fs); err != nil || fs.Type != unix.NSFS_MAGIC {
		return nil, fmt.Errorf("network namespace %s: it is no namespace", file)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errors.New("the table is closed")
	}
	ino := inodeOf(ns)
	a := t.attach[ino]
	if a == nil {
		l, err := t.steer.Attach(int(ns.Fd()))
		if err != nil {
			return nil, err
		}
		a = &attachment{Attachment: l}
		t.attach[ino] = a
		if t.loaded {
			t.hand(ino, a)
		}
	}
	a.users++
	once := false
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if once || t.closed {
			return
		}
		once = true
		if a.users--; a.users == 0 {
			if t.c.Store != nil {
				t.c.Store.Remove(steerName + strconv.FormatUint(ino, 10)) // it is tried again at the next start
			}
			a.Close()
			delete(t.attach, ino)
		}
	}, nil
}

func inodeOf(f *os.File) uint64 {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return 0
	}
	return st.Ino
}
