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

// FDStore is the service manager's descriptor store (systemd's FileDescriptorStoreMax=,
// sd_pid_notify_with_fds(3)). Descriptors in it outlive the process and are passed to
// the next one. A nil store stores nothing.
type FDStore struct {
	notify string
	rest   atomic.Pointer[time.Time] // no message is sent before this time

	mu   sync.Mutex
	have map[string][]int // passed to this process, and not taken yet
}

// maxFDName is systemd's limit on the length of FDNAME.
const maxFDName = 255

// OpenFDStore takes the descriptors that the service manager passed to this process
// (sd_listen_fds(3)). It removes the variables from the environment, so that child
// processes do not use them. Numbers that are not open descriptors are skipped. It
// returns nil if there is no store.
func OpenFDStore() *FDStore {
	s := &FDStore{notify: os.Getenv("NOTIFY_SOCKET"), have: map[string][]int{}}
	defer os.Unsetenv("LISTEN_PIDFDID") // the library does not remove this variable
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

// detach returns a duplicate of f's descriptor and closes f. An os.File's own descriptor
// is closed when the File is garbage collected.
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

// fdName makes a valid FDNAME of an address: characters other than letters, digits, '.'
// and '-' become '_'.
func fdName(kind, address string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, "statsd-"+kind+"-"+address)
	return name[:min(len(name), maxFDName)]
}

// portName is the name in the store of the socket of one port of a group. It is short
// because all names come back in one environment variable, and execve(2) limits that to
// 128 KiB.
func portName(port uint16) string { return "port-" + strconv.Itoa(int(port)) }

// Take returns the descriptors with a name that were passed to this process. The caller
// must close them.
func (s *FDStore) Take(name string) []int {
	return s.take(name, func(int) bool { return true })
}

// take is Take, but closes and omits descriptors for which fits returns false.
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
		s.remove(name) // if none fits, none may come back with what is stored under this name next
	}
	return good
}

// Names returns the names of the descriptors that were passed to this process and not
// taken, sorted.
func (s *FDStore) Names() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.have))
}

// Put stores descriptors under a name. A nil or missing store is no error.
func (s *FDStore) Put(name string, fds ...int) error { return s.put(name, fds) }

func (s *FDStore) put(name string, fds []int) error {
	if s == nil || s.notify == "" {
		return nil
	}
	// FDPOLL=0: systemd must not remove descriptors that are not sockets.
	return s.send("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, fds)
}

// Remove removes a name from the store.
func (s *FDStore) Remove(name string) error { return s.remove(name) }

func (s *FDStore) remove(name string) error {
	if s == nil || s.notify == "" {
		return nil
	}
	return s.send("FDSTOREREMOVE=1\nFDNAME="+name, nil)
}

// Forget closes the descriptors that were not taken, and removes their names from the
// store. Call it when everything is open. Descriptors that were stored since then remain
// stored.
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

// A hanging service manager does not read its messages. Callers hold locks that a tick
// needs, so they do not wait for it, and try again only after a pause.
const (
	sendWait = 200 * time.Millisecond
	sendRest = 10 * time.Second
)

// send is daemon.SdNotify with descriptors. It does not wait for a service manager that
// hangs.
func (s *FDStore) send(state string, fds []int) error {
	if rest := s.rest.Load(); rest != nil && time.Now().Before(*rest) {
		return errNotTold
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"}) // without an address of its own
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
