package intake

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// FDStore is the service manager's store of descriptors (systemd's
// FileDescriptorStoreMax=, sd_pid_notify_with_fds(3)): what it holds outlives the
// process and comes back to the next one. A nil store keeps nothing.
type FDStore struct {
	notify string
	rest   atomic.Pointer[time.Time] // nothing is sent before

	mu   sync.Mutex
	have map[string][]int // came back and nobody took them yet
}

// maxFDName is systemd's limit for FDNAME.
const maxFDName = 255

// OpenFDStore takes what the service manager hands to this process
// (sd_listen_fds(3)) and clears its variables from the environment, so that
// children do not take it for theirs. What is not open is left out. It returns nil if
// there is no store.
func OpenFDStore() *FDStore {
	s := &FDStore{notify: os.Getenv("NOTIFY_SOCKET"), have: map[string][]int{}}
	defer os.Unsetenv("LISTEN_PIDFDID") // the library does not know it
	for _, f := range activation.Files(true) {
		if fd, err := detach(f); err == nil {
			s.have[f.Name()] = append(s.have[f.Name()], fd)
		}
	}
	if s.notify == "" && len(s.have) == 0 {
		return nil
	}
	return s
}

// detach returns a descriptor of what f has open, and closes f: an os.File closes its
// own when it is collected.
func detach(f *os.File) (fd int, err error) {
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	var dupErr error
	err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 3) })
	return fd, errors.Join(err, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", dupErr))
}

// fdName makes a name that FDNAME may have: no colon, no control character.
func fdName(kind, address string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, "statsd-"+kind+"-"+address)
	return name[:min(len(name), maxFDName)]
}

// portName is what the socket of one of a group's ports is called. It is short: all
// names come back in one variable, and execve(2) takes none above 128 KiB.
func portName(port uint16) string { return "port-" + strconv.Itoa(int(port)) }

// Take returns the descriptors of a name that came back. They are the caller's.
func (s *FDStore) Take(name string) []int {
	return s.take(name, func(int) bool { return true })
}

// take leaves out, and closes, what is not what it should be.
func (s *FDStore) take(name string, fits func(fd int) bool) []int {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	fds := s.have[name]
	delete(s.have, name)
	s.mu.Unlock()
	var good []int
	for _, fd := range fds {
		if fits(fd) && unix.SetNonblock(fd, true) == nil {
			good = append(good, fd)
		} else {
			unix.Close(fd)
		}
	}
	if len(fds) > 0 && len(good) == 0 {
		s.remove(name) // what does not fit must not come back with what is put there next
	}
	return good
}

// Names are those that came back and nobody took, sorted.
func (s *FDStore) Names() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.have))
}

// Put gives descriptors to the store, under a name.
func (s *FDStore) Put(name string, fds ...int) error { return s.put(name, fds) }

func (s *FDStore) put(name string, fds []int) error {
	if s == nil || s.notify == "" {
		return nil
	}
	// FDPOLL=0: systemd is not to throw out what is not a socket.
	return s.send("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, fds)
}

// Remove makes the store forget a name.
func (s *FDStore) Remove(name string) error { return s.remove(name) }

func (s *FDStore) remove(name string) error {
	if s == nil || s.notify == "" {
		return nil
	}
	return s.send("FDSTOREREMOVE=1\nFDNAME="+name, nil)
}

// Forget closes what came back and nobody took, and makes the store forget it:
// call it when all is open. What is put there goes on being kept.
func (s *FDStore) Forget() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name, fds := range s.have {
		for _, fd := range fds {
			unix.Close(fd)
		}
		errs = append(errs, s.remove(name))
	}
	clear(s.have)
	return errors.Join(errs...)
}

// A service manager that hangs takes no messages: callers hold locks that a tick
// needs, so they do not wait for it, and ask again only after a while.
const (
	sendWait = 200 * time.Millisecond
	sendRest = 10 * time.Second
)

// send is daemon.SdNotify with descriptors, which that does not send, and without
// waiting for a manager that hangs.
func (s *FDStore) send(state string, fds []int) error {
	if rest := s.rest.Load(); rest != nil && time.Now().Before(*rest) {
		return errNotTold
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"}) // unbound
	if err == nil {
		defer conn.Close()
		err = conn.SetWriteDeadline(time.Now().Add(sendWait))
	}
	if err == nil {
		var rights []byte
		if len(fds) > 0 {
			rights = unix.UnixRights(fds...)
		}
		_, _, err = conn.WriteMsgUnix([]byte(state), rights, &net.UnixAddr{Net: "unixgram", Name: s.notify})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.rest.Store(new(time.Now().Add(sendRest)))
		err = errNotTold
	}
	if err != nil {
		return fmt.Errorf("tell the service manager (NOTIFY_SOCKET): %w", err)
	}
	return nil
}

var errNotTold = errors.New("it takes no messages")
