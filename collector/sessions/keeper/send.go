package keeper

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session/wire"
)

// maxBatch is how many data messages are sent with one system call.
const maxBatch = 8

// flush sends a client what there is for it, as far as it has room.
func (k *keeper) flush(c *conn) {
	for !c.gone && !c.blocked {
		if len(c.pending) == 0 && !k.fill(c) {
			return
		}
		if len(c.pending) == 0 { // fill has sent data
			continue
		}
		n, err := unix.SendmsgN(c.fd, c.pending, nil, nil, unix.MSG_NOSIGNAL)
		c.sent(n, err)
		if n > 0 {
			c.pending = c.pending[:copy(c.pending, c.pending[n:])]
		}
	}
}

// sent notes how a write has ended.
func (c *conn) sent(n int, err error) {
	switch err {
	case nil, unix.EINTR:
	case unix.EAGAIN:
		c.blocked = true
	default:
		c.gone = true
	}
}

// fill sends data of the outputs, or makes pending what comes after it. It returns false if
// there is nothing to send.
func (k *keeper) fill(c *conn) bool {
	if !c.hello || c == k.control {
		return false
	}
	k.iov = k.iov[:0]
	var batch [maxBatch]struct {
		s wire.Stream
		n int
	}
	n := 0
	for s := wire.Stdout; s < wire.Streams; s++ {
		o, p := &k.out[s], &c.out[s]
		if !o.used {
			continue
		}
		if p.sent < o.ring.start {
			c.pending = wire.Append(c.pending, &wire.Message{Type: wire.Gap, Stream: s, Offset: p.sent, To: o.ring.start})
			p.limit += o.ring.start - p.sent // what is lost takes no room
			p.sent, p.acked = o.ring.start, max(p.acked, o.ring.start)
			return true
		}
		for at := p.sent; n < maxBatch && at < min(o.ring.end, p.limit); n++ {
			data := o.ring.from(at, int(min(wire.MaxData, p.limit-at)))
			head := wire.AppendDataHead(k.hds[n][:0], s, at, len(data))
			k.iov = append(k.iov, head, data)
			at += uint64(len(data))
			batch[n].s, batch[n].n = s, len(data)
		}
	}
	if n == 0 {
		return k.fillEnd(c)
	}
	sent, err := unix.Writev(c.fd, k.iov)
	c.sent(sent, err)
	for i := 0; i < n && sent > 0; i++ {
		head, data := k.iov[2*i], k.iov[2*i+1]
		if rest := len(head) + len(data) - sent; rest > 0 { // the message was sent in part
			c.pending = append(c.pending, head[min(sent, len(head)):]...)
			c.pending = append(c.pending, data[len(data)-min(rest, len(data)):]...)
		}
		sent -= len(head) + len(data)
		c.out[batch[i].s].sent += uint64(batch[i].n)
	}
	return true
}

// fillEnd makes pending the ends of outputs that a client has in whole, and the exit after them.
func (k *keeper) fillEnd(c *conn) bool {
	all := true
	for s := wire.Stdout; s < wire.Streams; s++ {
		o := &k.out[s]
		if o.used && o.ended && !c.ended[s] && c.out[s].sent == o.ring.end {
			c.ended[s] = true
			c.pending = wire.Append(c.pending, &wire.Message{Type: wire.End, Stream: s, Offset: o.ring.end})
		}
		all = all && (c.ended[s] || !o.used)
	}
	if all && k.phase == over && !c.exited {
		c.exited = true
		c.pending = wire.AppendExit(c.pending, &k.exit)
	}
	return len(c.pending) > 0
}

// tellControl tells the collector the state, and the exit if there is one.
func (k *keeper) tellControl() {
	c := k.control
	if c == nil {
		return
	}
	c.pending = wire.AppendStatus(c.pending, k.state())
	if k.phase == over && !c.exited {
		c.exited = true
		c.pending = wire.AppendExit(c.pending, &k.exit)
	}
}

func (k *keeper) state() *wire.State {
	s := &wire.State{Writer: k.name, Ended: k.phase == over, Last: k.active.UnixNano(), Recorder: k.recorder != nil}
	for _, c := range k.clients {
		if c.hello && c.counts() && !c.gone {
			s.Clients++
		}
	}
	for i := range k.out {
		if k.out[i].used {
			s.Bytes[i] = k.out[i].ring.end
		}
	}
	if k.in.ring != nil {
		s.Bytes[wire.Stdin] = k.in.ring.end
	}
	return s
}

func (k *keeper) startMessage(c *conn) *wire.Start {
	s := &wire.Start{Session: k.cfg.Session, Recorded: k.cfg.Recorded, RecordedInput: k.cfg.Input,
		Begun: k.begun.UnixNano(), Rows: k.cfg.Rows, Cols: k.cfg.Cols,
		Stdout: c.out[wire.Stdout].sent, Stderr: c.out[wire.Stderr].sent}
	if k.prog != nil {
		s.TTY, s.PID, s.Entered, s.PTYFrom = k.tty(), k.prog.PID, k.prog.Entered, k.prog.PTYFrom
	}
	if k.in.ring != nil {
		s.Stdin, s.Window = k.in.ring.end, stdinSize-(k.in.ring.end-k.in.took)
	}
	return s
}

// writeExitFile stores how the session ended for the next collector.
func (k *keeper) writeExitFile() {
	if k.cfg.Dir < 0 {
		return
	}
	name := ExitFile(k.cfg.Session)
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC | unix.O_CLOEXEC | unix.O_NOFOLLOW
	fd, err := unix.Openat(k.cfg.Dir, "."+name, flags, 0o600)
	if err != nil {
		return // the collector then says that the keeper was lost
	}
	defer unix.Close(fd)
	e := k.exit
	b := wire.AppendStatus(wire.AppendExit(nil, &e), k.state())
	if n, err := unix.Write(fd, b); err == nil && n == len(b) {
		_ = unix.Renameat(k.cfg.Dir, "."+name, k.cfg.Dir, name)
	}
}
