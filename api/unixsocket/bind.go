package unixsocket

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MaxPath is the length of the longest path of a unix socket, in bytes: with its
// final NUL it fills sun_path (unix(7)).
const MaxPath = 107

// backlog is how many connections wait to be accepted; the kernel takes at most
// net.core.somaxconn.
const backlog = 1024

// CheckPath says what is wrong with a path, if it cannot be a unix socket's.
func CheckPath(path string) error {
	switch {
	case path == "" || strings.ContainsRune(path, 0):
		return fmt.Errorf("unix socket %q: this is not a path", path)
	case len(path) > MaxPath:
		return fmt.Errorf("unix socket %s: the path has %d bytes, and a unix socket's has at most %d",
			path, len(path), MaxPath)
	}
	return nil
}

// Listen binds a stream socket to path with exactly this mode, and accepts
// connections. The file stays when the listener is closed; the next Listen
// replaces it.
func Listen(path string, mode fs.FileMode) (*net.UnixListener, error) {
	fd, err := Bind(path, unix.SOCK_STREAM, mode)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("unix socket %s: %w", path, err)
	}
	return l.(*net.UnixListener), nil
}

// Bind makes a socket of this type (unix.SOCK_STREAM, which listens at once, or
// unix.SOCK_DGRAM), binds it to path with exactly this mode, and returns its
// descriptor, which does not block and is closed on exec.
//
// The socket is bound beside path and then renamed (rename(2)): a client finds
// the old socket, if there was one, or the new one, never none. The name beside
// path is short, and is reached through the directory's descriptor, so that path
// may be as long as the kernel allows.
func Bind(path string, typ int, mode fs.FileMode) (fd int, err error) {
	if err := free(path, typ); err != nil {
		return -1, err
	}
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("unix socket %s: open %s: %w", path, filepath.Dir(path), err)
	}
	defer unix.Close(dir)
	fd, err = unix.Socket(unix.AF_UNIX, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err = bindIn(dir, fd, path, typ, mode); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("unix socket %s: %w", path, err)
	}
	return fd, nil
}

func bindIn(dir, fd int, path string, typ int, mode fs.FileMode) error {
	// The file gets the mode that the socket has, less the umask: at no moment can
	// somebody connect who may not.
	if err := unix.Fchmod(fd, uint32(mode.Perm())); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	name := temporary(path) + "." + strings.ToLower(rand.Text()[:8])
	at := "/proc/self/fd/" + strconv.Itoa(dir) + "/" + name
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: at}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	err := os.NewSyscallError("fchmodat", unix.Fchmodat(dir, name, uint32(mode.Perm()), 0))
	if err == nil && typ == unix.SOCK_STREAM {
		err = os.NewSyscallError("listen", unix.Listen(fd, backlog))
	}
	if err == nil {
		err = os.NewSyscallError("rename", unix.Renameat(dir, name, dir, filepath.Base(path)))
	}
	if err != nil {
		unix.Unlinkat(dir, name, 0)
	}
	return err
}

// temporary is the beginning of the name that the socket of a path is bound to.
func temporary(path string) string {
	h := fnv.New64a()
	h.Write([]byte(filepath.Clean(path)))
	return fmt.Sprintf(".%016x", h.Sum64())
}

// BoundTo reports whether a name of a socket, as /proc/net/unix shows it, is one
// that Bind gives to the socket of path: the kernel goes on showing the name that
// a socket was bound to, whatever it is renamed to.
func BoundTo(name, path string) bool {
	return name == path || strings.HasPrefix(filepath.Base(name), temporary(path)+".")
}

// free returns an error unless nothing is at path, or a socket that nobody
// listens on any more.
func free(path string, typ int) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unix socket %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("unix socket %s: a file of another kind is there: remove it, or use another path", path)
	}
	switch err := connect(path, typ); {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
		return nil
	case answered(err):
		return fmt.Errorf("unix socket %s: another process listens on it: stop it, or use another path", path)
	default:
		return fmt.Errorf("unix socket %s: another process may listen on it (%w): use another path", path, err)
	}
}
