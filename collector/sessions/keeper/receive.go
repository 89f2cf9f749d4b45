package keeper

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// take takes a message in. It returns false for one that ends the connection.
func (c *conn) take(m *wire.Message) bool {
	k := c.k
	if !c.hello {
		return m.Type == wire.Attach && k.attach(c, m.Data)
	}
	switch m.Type {
	case wire.Ping:
		if c == k.control {
			c.pending = wire.AppendStatus(c.pending, k.state())
		}
		c.pending = wire.Append(c.pending, &wire.Message{Type: wire.Pong, Number: m.Number})
		return true
	case wire.Attach:
		return false
	case wire.Kill:
		if c != k.control {
			return false
		}
		k.stop(session.Reason(m.Number), string(m.Data))
		return true
	case wire.Done:
		c.done = true
		if c == k.control {
			k.noted = k.phase == over
			return true
		}
		k.recorded = k.recorded || c == k.recorder
		return false
	}
	if c == k.control {
		return true
	}
	switch m.Type {
	case wire.Credit:
		return c.credit(m)
	case wire.Detach:
		c.done = true
		if c == k.recorder {
			k.unrecordable("its recording cannot be written")
		}
		k.leave(c)
		return false
	case wire.Claim:
		k.claim(c, m.Number == 1)
	case wire.Yield:
		if c.writes() {
			k.setWriter(nil)
		}
	case wire.Data, wire.End, wire.Resize, wire.Signal:
		if c.writes() {
			return k.input(m)
		}
	}
	return true
}

func (c *conn) writes() bool { return c.id != "" && c.id == c.k.writer }

// attach begins a connection.
func (k *keeper) attach(c *conn, body []byte) bool {
	h, err := wire.ParseAttach(body)
	if err != nil {
		return false
	}
	c.hello = true
	if h.Control {
		if k.control != nil {
			k.control.gone = true
		}
		k.control = c
		c.pending = wire.AppendStarted(c.pending, k.startMessage(c))
		k.tellControl()
		return true
	}
	c.id, c.name, c.write, c.holds = h.Client, h.Name, h.Write, h.Write
	if !k.attachSpecial(c, &h) {
		return false
	}
	k.replace(c)
	if c.holds && !k.opened {
		k.opened = true
		k.writer, k.name = c.id, c.name
	}
	for s := wire.Stdout; s < wire.Streams; s++ {
		at, o := h.Out[s].Offset, &k.out[s]
		if !o.used {
			continue
		}
		switch {
		case at == wire.FromNow:
			at = o.ring.end
		case at == wire.FromOldest:
			at = o.ring.start
		case at > o.ring.end:
			return false
		}
		c.out[s] = position{sent: at, acked: at, limit: at + min(h.Out[s].Window, 1<<40)}
	}
	c.pending = wire.AppendStarted(c.pending, k.startMessage(c))
	c.pending = wire.AppendWriter(c.pending, k.writerMessage(c))
	if c.tell {
		k.tellWatched(c.name)
	} else if n := k.watching(); n > 0 && !c.watch && !c.record {
		c.pending = wire.Append(c.pending, &wire.Message{Type: wire.Watched, Number: n})
	}
	return true
}

// replace ends an earlier connection of the same client, also one that was lost.
func (k *keeper) replace(c *conn) {
	for _, other := range k.clients {
		if other != c && other.hello && other != k.control && other.id == c.id {
			other.gone, other.done = true, true
		}
	}
	kept := k.lost[:0]
	for _, l := range k.lost {
		if l.id != c.id {
			kept = append(kept, l)
		}
	}
	k.lost = kept
}

// credit notes what a client has taken, and for how much it has room.
func (c *conn) credit(m *wire.Message) bool {
	if m.Stream == wire.Stdin {
		return false
	}
	p := &c.out[m.Stream]
	limit := m.Offset + m.Window
	if c == c.k.recorder && m.Offset > p.sent && m.Offset <= c.k.out[m.Stream].end() {
		p.sent = m.Offset // it has those bytes from the relay's clients
	}
	if m.Offset > p.sent || limit < m.Offset {
		return false
	}
	if m.Offset > p.acked {
		p.acked = m.Offset
		c.k.progress = c.k.now
	}
	c.k.noteRecorded(c, m)
	p.limit = max(p.limit, limit)
	return true
}

// input takes what the writer sends to the program. It returns false for what cannot be.
func (k *keeper) input(m *wire.Message) bool {
	switch m.Type {
	case wire.Resize:
		k.cfg.Rows, k.cfg.Cols = m.Rows, m.Cols
		k.recordResize()
		if k.tty() && k.out[wire.Stdout].fd >= 0 {
			_ = unix.IoctlSetWinsize(k.prog.Master, unix.TIOCSWINSZ, &unix.Winsize{Row: m.Rows, Col: m.Cols})
		}
		return true
	case wire.Signal:
		k.signal(unix.Signal(m.Number))
		return true
	}
	if m.Stream != wire.Stdin {
		return false
	}
	in := &k.in
	if in.ring == nil || in.ended { // the program takes no input
		return true
	}
	if m.Offset > in.ring.end || m.Offset == in.ring.end && m.Type == wire.Data && len(m.Data) == 0 {
		return m.Offset == in.ring.end
	}
	if m.Type == wire.End {
		if !k.tty() {
			in.ended = m.Offset == in.ring.end
			k.writeInput()
		}
		return m.Offset == in.ring.end
	}
	known := in.ring.end - m.Offset
	if known >= uint64(len(m.Data)) {
		return true
	}
	data := m.Data[known:]
	if uint64(len(data)) > stdinSize-(in.ring.end-in.took) {
		return false // more than there is room for
	}
	in.ring.write(data)
	k.active = k.now
	k.writeInput()
	return true
}

// signal sends a signal to the program's process group, or to the terminal's foreground group
// for those that a terminal can send.
func (k *keeper) signal(s unix.Signal) {
	if k.prog == nil || k.status != nil || s <= 0 || s > 64 {
		return
	}
	if k.tty() && k.out[wire.Stdout].fd >= 0 && unix.IoctlSetInt(k.prog.Master, unix.TIOCSIG, int(s)) == nil {
		return
	}
	_ = unix.Kill(-k.prog.PID, s)
}
