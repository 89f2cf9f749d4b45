package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Unix says which path to listen on.
type Unix struct {
	Path          string      // absolute
	Mode          fs.FileMode // of the socket; default 0666: whoever sees it may send
	ReceiveBuffer int         // datagrams: bytes; default ReceiveBuffer
	Framing       Framing     // streams
	Connections   int         // streams: so many at once; default 1024
	Name          string      // for the descriptor store; default: made of the path
}

// watchEvery is how often a listener looks whether its path is still its own.
const watchEvery = time.Second

func (o *Unix) defaults(kind string) error {
	if !filepath.IsAbs(o.Path) || len(o.Path) > 107 {
		return fmt.Errorf("unix socket %q: give an absolute path of at most 107 bytes", o.Path)
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

// openUnix makes a socket and puts it at its path, in one step (rename(2)): a
// client finds the old one, if there was one, or the new.
func openUnix(o *Unix, typ int) (int, error) {
	if err := free(o.Path, typ); err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(o.Path), ".s")
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("unix socket: %w", err)
	}
	defer os.RemoveAll(temp)
	at := filepath.Join(temp, "s")
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: at})
	if err == nil {
		err = os.Chmod(at, o.Mode)
	}
	if err == nil && typ == unix.SOCK_STREAM {
		err = unix.Listen(fd, 1024)
	}
	if err == nil {
		err = os.Rename(at, o.Path)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen on unix socket %s: %w", o.Path, err)
	}
	return fd, nil
}

// free tells whether a path may be taken: nothing is there, or a socket that
// nobody listens on any more.
func free(path string, typ int) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("unix socket %s: something else is there: remove it, or use another path", path)
	}
	fd, err := unix.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err {
	case unix.ECONNREFUSED, unix.ENOENT:
		return nil
	default: // EPROTOTYPE too: somebody listens, with another type
		return fmt.Errorf("unix socket %s: another process listens on it (%v): stop it, or use another path", path, err)
	}
}

// Answers tells whether somebody listens on a path, on a stream or on datagrams.
func Answers(path string, stream bool) bool {
	typ := unix.SOCK_DGRAM
	if stream {
		typ = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	switch unix.Connect(fd, &unix.SockaddrUnix{Name: path}) {
	case nil, unix.EPROTOTYPE, unix.EAGAIN: // EAGAIN: more wait already than it lets
		return true
	}
	return false
}

// takenUnix tells whether a descriptor that came back is a socket of that type.
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

// openPath opens a socket at a path, or takes it over, and watches the path from
// then on. use gets each socket; it is the user's even if it fails.
func (l *Listener) openPath(o *Unix, typ int, use func(fd int) error) error {
	store := l.in.o.Store
	open := func() error {
		fd, err := openUnix(o, typ)
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
	})
	return err
}
