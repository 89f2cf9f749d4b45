package unixsocket

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Answers reports whether somebody listens on the socket at path, which is of this
// type (unix.SOCK_STREAM, unix.SOCK_DGRAM) or of another. It never waits.
func Answers(path string, typ int) bool {
	return answered(connect(path, typ))
}

// answered reports whether the result of connect means that somebody listens:
// EPROTOTYPE is a socket of another type, EAGAIN a backlog that is full.
func answered(err error) bool {
	return err == nil || errors.Is(err, unix.EPROTOTYPE) || errors.Is(err, unix.EAGAIN)
}

// connect connects to a path for a moment.
func connect(path string, typ int) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrUnix{Name: path}))
}
