package unixsocket

import (
	"errors"
	"net"
	"os"
	"time"

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

// Peer returns the credentials of the process that listens on a unix stream socket
// (SO_PEERCRED of unix(7)): at a path, or at @ and an abstract name. It waits one
// second at most.
func Peer(address string) (*unix.Ucred, error) {
	conn, err := net.DialTimeout("unix", address, time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var got error
	if err := raw.Control(func(fd uintptr) { cred, got = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return nil, err
	}
	return cred, got
}
