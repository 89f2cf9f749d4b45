package kube

import (
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// pass passes on what comes from the node, until the session ends.
func (b *bridge) pass() (session.Exit, error) {
	for {
		p, err := b.conn.Next()
		if err != nil {
			return session.Exit{}, err
		}
		for len(p) > 0 {
			m, n, err := wire.Parse(p)
			if err != nil {
				return session.Exit{}, err
			}
			if n == 0 {
				return session.Exit{}, wire.ErrMalformed
			}
			if m.Type == wire.Exit {
				return wire.ParseExit(m.Data)
			}
			if err := b.take(&m); err != nil {
				return session.Exit{}, err
			}
			p = p[n:]
		}
	}
}

// farewell tells the node that everything has arrived, and waits until it has heard that.
func (b *bridge) farewell() {
	b.mu.Lock()
	err := b.send(&wire.Message{Type: wire.Done})
	b.mu.Unlock()
	late := time.AfterFunc(2*time.Second, b.conn.Close)
	defer late.Stop()
	for err == nil {
		_, err = b.conn.Next()
	}
}

// take takes in a message of the node.
func (b *bridge) take(m *wire.Message) error {
	switch m.Type {
	case wire.Data:
		return b.output(m)
	case wire.Gap:
		if m.Stream == wire.Stdin {
			return errStream
		}
		b.lost += m.To - m.Offset
		b.outs[m.Stream].taken = m.To
		return b.credit(m.Stream)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch m.Type {
	case wire.Started:
		start, err := wire.ParseStarted(m.Data)
		if err != nil {
			return err
		}
		b.room = max(b.room, start.Stdin+start.Window)
	case wire.Writer:
		w, err := wire.ParseWriter(m.Data)
		if err != nil {
			return err
		}
		if w.You && !b.writes {
			b.sent = w.Offset
		}
		b.started, b.writes = true, w.You
	case wire.Credit:
		if m.Stream == wire.Stdin {
			b.room = max(b.room, m.Offset+m.Window)
		}
	case wire.Ping:
		return b.send(&wire.Message{Type: wire.Pong, Number: m.Number})
	default:
		return nil
	}
	b.changed.Broadcast()
	if err := b.tellSize(); err != nil {
		return err
	}
	return b.tellEnd()
}

// output hands output to the client, if it wants it, and gives the node credit for it.
func (b *bridge) output(m *wire.Message) error {
	if m.Stream == wire.Stdin || m.Offset != b.outs[m.Stream].taken {
		return errStream
	}
	if b.wants[m.Stream] && len(m.Data) > 0 {
		b.out = append(append(b.out[:0], byte(m.Stream)), m.Data...) // streams and channels have the same numbers
		if err := b.write(b.out); err != nil {
			return err
		}
	}
	p := &b.outs[m.Stream]
	p.taken += uint64(len(m.Data))
	if p.taken-p.told < window/4 {
		return nil
	}
	return b.credit(m.Stream)
}

// credit tells the node how much of an output was taken.
func (b *bridge) credit(s wire.Stream) error {
	p := &b.outs[s]
	p.told = p.taken
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.send(&wire.Message{Type: wire.Credit, Stream: s, Offset: p.taken, Window: window})
}
