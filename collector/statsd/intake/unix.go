package intake

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/unixsocket"
)

// Unix are the options of a unix listener.
type Unix struct {
	Path          string      // absolute
	Mode          fs.FileMode // permissions of the socket; default 0666: everyone who can reach it may send
	ReceiveBuffer int         // datagrams: bytes; default ReceiveBuffer
	Framing       Framing     // streams
	Connections   int         // streams: most concurrent connections; default 1024
	Name          string      // name in the descriptor store; default: made from the path
}

// watchEvery is how often a listener checks that its path is still its own socket.
const watchEvery = time.Second

func (o *Unix) defaults(kind string) error {
	if !filepath.IsAbs(o.Path) {
		return fmt.Errorf("unix socket %q: give an absolute path", o.Path)
	}
	if err := unixsocket.CheckPath(o.Path); err != nil {
		return err
	}
	if o.Mode == 0 {
		o.Mode = 0o666
	}
	if o.Connections == 0 {
		o.Connections = 1024
	}
	if o.Name == "" {
		o.Name = fdName(kind, o.Path)
	}
	return nil
}

// takenUnix reports whether a descriptor from the store is a unix socket of the given
// type.
func takenUnix(typ int) func(fd int) bool {
	return func(fd int) bool {
		have, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		domain, err2 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		return err == nil && err2 == nil && have == typ && domain == unix.AF_UNIX
	}
}

// ListenUnixgram opens a unix datagram socket.
func (in *Intake) ListenUnixgram(o Unix) (*Listener, error) {
	if err := o.defaults("unixgram"); err != nil {
		return nil, err
	}
	l := &Listener{name: o.Name}
	if err := in.register(l); err != nil {
		return nil, err
	}
	r, err := newReceiver(in)
	if err != nil {
		return nil, err
	}
	l.receivers = []*receiver{r}
	use := func(fd int) error {
		err := prepare(fd, o.ReceiveBuffer)
		if err == nil {
			err = os.NewSyscallError("setsockopt SO_PASSCRED", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
		}
		if err == nil {
			err = l.attach(fd, r)
		}
		return err
	}
	if err := l.openPath(&o, unix.SOCK_DGRAM, use); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// openPath opens a socket at a path, or takes it over from the store, and watches the
// path from then on. It passes each socket to use, and closes the socket if use fails.
func (l *Listener) openPath(o *Unix, typ int, use func(fd int) error) error {
	store := l.in.o.Store
	open := func() error {
		fd, err := unixsocket.Bind(o.Path, typ, o.Mode)
		if err != nil {
			return err
		}
		if err = use(fd); err != nil {
			unix.Close(fd)
			return err
		}
		return store.put(o.Name, []int{fd})
	}
	taken := store.take(o.Name, takenUnix(typ))
	for _, fd := range taken {
		if err := use(fd); err != nil {
			unix.Close(fd)
			return err
		}
	}
	if len(taken) == 0 {
		if err := open(); err != nil {
			return err
		}
	}
	var err error
	l.watch, err = watchPath(o.Path, len(taken) > 0, func() error {
		err := open()
		if err == nil {
			l.in.o.Log.Warn("the unix socket was gone from its path and is there again", "path", o.Path)
		}
		return err
	}, l.in.o.Panicked)
	return err
}
