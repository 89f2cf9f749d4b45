package unixsocket

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Answers reports whether a process listens on the socket at path. typ is the expected
// type (unix.SOCK_STREAM or unix.SOCK_DGRAM), but a socket of another type answers too.
// Answers never blocks.
func Answers(path string, typ int) bool {
	return answered(connect(path, typ))
}

// answered reports whether the result of connect means that a process listens. EPROTOTYPE
// means that the socket is of another type, EAGAIN that its backlog is full.
func answered(err error) bool {
	return err == nil || errors.Is(err, unix.EPROTOTYPE) || errors.Is(err, unix.EAGAIN)
}

// connect connects to a path and closes the connection at once. It never blocks.
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
// (SO_PEERCRED, unix(7)). address is a path, or "@" and an abstract name. Peer waits at
// most one second.
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
	err = raw.Control(func(fd uintptr) {
		cred, got = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return nil, err
	}
	return cred, got
}
