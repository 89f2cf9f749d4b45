package logpipe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sendBuffer is the socket's send buffer in bytes, as the kernel counts it. It bounds
// what a journald that is killed can lose.
const sendBuffer = 256 << 10

// conn is a connection to journald's native socket.
type conn struct {
	path   string
	fd     int // -1 if not connected
	buffer int // bytes of the send buffer that the kernel gave
	peer   int // pidfd of journald, -1 if unknown
}

// dial connects. A journald that has ended has not necessarily closed its socket: systemd
// keeps it open and gives it to the next one.
func (c *conn) dial() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	// The kernel doubles the number. An unprivileged process gets net.core.wmem_max at most.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer/2) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer/2)
	}
	if c.buffer, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: c.path})
	}
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("connect to journald at %s: %w", c.path, err)
	}
	c.fd, c.peer = fd, -1
	return nil
}

// Reachable returns an error if nobody listens at a native socket of journald.
func Reachable(path string) error {
	c := conn{path: path}
	if err := c.dial(); err != nil {
		return err
	}
	c.close()
	return nil
}

func (c *conn) close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
		if c.peer >= 0 {
			unix.Close(c.peer)
			c.peer = -1
		}
	}
}

// send sends one datagram. It does not wait: it returns EAGAIN if the queue is full.
func (c *conn) send(b []byte) error {
	_, err := unix.Write(c.fd, b)
	for err == unix.EINTR {
		_, err = unix.Write(c.fd, b)
	}
	return err
}

// probe sends an empty datagram, which journald ignores. It succeeds if the socket that
// this one is connected to is still open.
func (c *conn) probe() error {
	_, err := unix.SendmsgN(c.fd, nil, nil, nil, unix.MSG_NOSIGNAL)
	return err
}

// sendFile sends what is too large for a datagram: journald gets a sealed file in memory,
// and maps it.
func (c *conn) sendFile(b []byte) error {
	fd, err := unix.MemfdCreate("daytwo-log-pipe", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // Linux before 6.3
		fd, err = unix.MemfdCreate("daytwo-log-pipe", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	_, err = unix.SendmsgN(c.fd, nil, unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
	return err
}

// waiting reports whether journald has not taken all datagrams (SIOCOUTQ, unix(7)).
func (c *conn) waiting() bool {
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCOUTQ)
	return err != nil || n > 0
}
