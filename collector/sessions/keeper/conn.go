package keeper

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session/wire"
)

// conn is a connection: of a client, or the collector's own (control).
type conn struct {
	k       *keeper
	fd      int
	hello   bool // it has said what it is
	since   time.Time
	id      string // its own name, the same when it comes back
	name    string // of the principal
	write   bool   // it may write
	record  bool   // it is the recorder
	watch   bool   // it is an auditor
	tell    bool   // and others are told
	holds   bool   // it must not miss output: what it has not taken is kept
	done    bool   // it needs nothing more
	gone    bool   // the connection is to be closed
	ended   [wire.Streams]bool
	exited  bool // the exit was sent
	blocked bool // the last write found no room

	out     [wire.Streams]position
	decoder wire.Decoder
	pending []byte // messages, and the rest of one that was sent in part
}

// position is how far a client is in an output.
type position struct {
	sent, acked, limit uint64
}

// lostClient is a client whose connection was lost, and that may come back.
type lostClient struct {
	id    string
	acked [wire.Streams]uint64
	at    time.Time
}

// accept takes a connection, if it is one of this user: root, as whom the collector runs.
func (k *keeper) accept() {
	for {
		fd, _, err := unix.Accept4(k.cfg.Listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil || int(cred.Uid) != unix.Geteuid() || len(k.clients) >= maxClients {
			unix.Close(fd)
			continue
		}
		k.clients = append(k.clients, &conn{k: k, fd: fd, since: k.now})
	}
}

// wants returns what is waited for at a client's connection. What a client sends is read also
// while output waits for it, as it may not read before it has sent that; answers to it are
// bounded.
func (c *conn) wants() (events int16) {
	if len(c.pending) < maxBatch*wire.MaxMessage+pendingSize {
		events = unix.POLLIN
	}
	if c.blocked {
		events |= unix.POLLOUT
	}
	return events
}

// ready goes on with a client's connection.
func (c *conn) ready(revents int16) {
	if revents&unix.POLLOUT != 0 {
		c.blocked = false
	}
	if revents&(unix.POLLIN|unix.POLLHUP|unix.POLLERR) == 0 || c.gone {
		return
	}
	n, err := unix.Read(c.fd, c.k.buf)
	switch {
	case n > 0:
		c.decoder.Feed(c.k.buf[:n])
		for !c.gone {
			m, ok, err := c.decoder.Next()
			if err != nil {
				c.gone = true
			}
			if !ok {
				break
			}
			if !c.take(&m) {
				c.gone = true
			}
		}
	case err == unix.EINTR, err == unix.EAGAIN:
	default:
		c.gone = true
	}
}

// dropGone closes connections that have ended. A client that did not say goodbye may come back.
func (k *keeper) dropGone() {
	left := false // an auditor has
	kept := k.clients[:0]
	for _, c := range k.clients {
		if !c.hello && k.now.Sub(c.since) >= helloFor {
			c.gone = true
		}
		if !c.gone {
			kept = append(kept, c)
			continue
		}
		unix.Close(c.fd)
		if c == k.control {
			k.control = nil
		}
		if c == k.recorder {
			k.recorder, k.unrecorded = nil, k.now
		}
		if c.tell {
			left = true
		}
		if c.holds && !c.done {
			if len(k.lost) == maxLost {
				k.lost = append(k.lost[:0], k.lost[1:]...)
			}
			l := lostClient{id: c.id, at: k.now}
			for s := range c.out {
				l.acked[s] = c.out[s].acked
			}
			k.lost = append(k.lost, l)
		}
	}
	clear(k.clients[len(kept):])
	k.clients = kept
	if left {
		k.tellWatched("")
	}
}

// forgetLost forgets clients that did not come back in time.
func (k *keeper) forgetLost() {
	kept := k.lost[:0]
	for _, l := range k.lost {
		if k.now.Sub(l.at) < k.cfg.Limits.Detached {
			kept = append(kept, l)
		} else if l.id == k.writer {
			k.setWriter(nil)
		}
	}
	k.lost = kept
}
