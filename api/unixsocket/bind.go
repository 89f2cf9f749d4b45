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

// MaxPath is the length of the longest path of a unix socket, in bytes: sun_path has one
// more, for the terminating NUL (unix(7)).
const MaxPath = 107

// backlog is the argument of listen(2). The kernel caps it at net.core.somaxconn.
const backlog = 1024

// CheckPath returns an error if path is not a valid path of a unix socket.
func CheckPath(path string) error {
	switch {
	case path == "" || strings.ContainsRune(path, 0):
		return fmt.Errorf("unix socket %q: this is not a path", path)
	case len(path) > MaxPath:
		return fmt.Errorf("unix socket %s: the path has %d bytes, the kernel allows at most %d",
			path, len(path), MaxPath)
	}
	return nil
}

// Listen binds a stream socket to path with exactly this mode, and listens on it. The file
// stays when the listener is closed; the next Listen replaces it.
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

// Bind creates a socket of type unix.SOCK_STREAM, on which it listens, or
// unix.SOCK_DGRAM. It binds the socket to path with exactly this mode, and returns its
// descriptor, which is non-blocking and close-on-exec.
//
// It binds the socket to a temporary name in the same directory, and then renames it
// (rename(2)), so that a client always finds either the old socket or the new one. It
// uses the temporary name through the directory's descriptor, so that path may be as long
// as the kernel allows.
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
	// The file gets the socket's mode without the bits of the umask, so that at no time
	// can an unauthorised process connect.
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

// temporary returns the prefix of the temporary names to which sockets of a path are
// bound.
func temporary(path string) string {
	h := fnv.New64a()
	h.Write([]byte(filepath.Clean(path)))
	return fmt.Sprintf(".%016x", h.Sum64())
}

// BoundTo reports whether a socket's name in /proc/net/unix is that of a socket that Bind
// created for path. After a rename, the kernel still shows the name to which the socket
// was bound.
func BoundTo(name, path string) bool {
	return name == path || strings.HasPrefix(filepath.Base(name), temporary(path)+".")
}

// free returns an error unless path does not exist, or is a socket on which no process
// listens.
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
		return fmt.Errorf("unix socket %s: the path is a file of another kind: remove it, or use another path", path)
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
