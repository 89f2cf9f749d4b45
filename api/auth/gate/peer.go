package gate

import (
	"context"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

var noExpiry time.Time

type peerKey struct{}

// peer is the user id of the process at the other end of a unix socket.
type peer struct {
	uid   uint32
	known bool
}

// ConnContext is a ConnContext of http.Server. It adds to the context which user is at the
// other end of a unix socket (SO_PEERCRED, unix(7)), as of the time when the connection was
// made.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	var p peer
	raw, err := u.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { // a closed connection has no peer
			if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
				p = peer{cred.Uid, true}
			}
		})
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// nobodyUID is an id that no user has.
const nobodyUID = ^uint32(0)

// peerOf returns the user id of a unix socket's peer. It returns false for connections of
// other kinds.
func peerOf(ctx context.Context) (uid uint32, ok bool) {
	p, ok := ctx.Value(peerKey{}).(peer)
	if ok && !p.known {
		return nobodyUID, true
	}
	return p.uid, ok
}
