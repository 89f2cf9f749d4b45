package gateway

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// While no record comes, next returns an empty one after signOfLife, and after idle at
// most.
const (
	signOfLife = 10 * time.Second
	idle       = 4 * time.Second
)

// merger merges the records of several agents: always the oldest entry of those that the
// agents have next, or the newest one if it reads in reverse. Agents of the same time come
// in the order of their ids. An event of an agent comes before its next entry.
type merger struct {
	g       *Gateway
	reverse bool
	follow  bool          // a silent agent is waited for no longer than Options.Reorder
	idle    time.Duration // after which next returns a record that carries nothing
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	wake    chan struct{} // capacity 1
	timer   *time.Timer

	mu     sync.Mutex
	legs   []*leg // sorted by agent, but for those that came later
	events []*entry.Event
	used   *leg // whose record was returned last
}

func (g *Gateway) newMerger(reverse, follow bool) *merger {
	m := &merger{g: g, reverse: reverse, follow: follow, idle: idle, wake: make(chan struct{}, 1)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.timer = time.NewTimer(time.Hour)
	m.timer.Stop()
	return m
}

// add adds a leg; begin lets it run.
func (m *merger) add(agent string, s start) *leg {
	l := &leg{m: m, agent: agent, node: m.g.o.Node(agent), start: s, hash: hashAgent(agent)}
	l.next = make(chan struct{}, 1)
	m.mu.Lock()
	l.index = len(m.legs)
	m.legs = append(m.legs, l)
	m.mu.Unlock()
	return l
}

// openAll opens the streams of all legs at once.
func (m *merger) openAll(ctx context.Context) {
	m.g.each(len(m.legs), func(i int) {
		if l := m.legs[i]; l.state != ended {
			l.opened, l.failed = l.open(ctx)
		}
	})
}

func (m *merger) begin() {
	for _, l := range m.legs {
		if r := l.opened; l.state != ended {
			l.opened = nil
			m.work.Go(func() { l.run(r) })
		}
	}
}

// close ends all legs. Whatever next returned is no longer valid.
func (m *merger) close() {
	m.cancel()
	for _, l := range m.legs { // that never ran
		if l.opened != nil {
			l.opened.Close()
			l.opened = nil
			m.g.streams.Add(-1)
		}
	}
	m.work.Wait()
	m.timer.Stop()
}

func (m *merger) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *merger) event(e *entry.Event) {
	e.Time = time.Now().UnixMicro()
	m.mu.Lock()
	m.events = append(m.events, e)
	m.mu.Unlock()
	m.wakeUp()
}

// next returns the next record and its leg, which is nil for an event of the merger. The
// record is valid until the next call. At the end it returns io.EOF.
func (m *merger) next(ctx context.Context) (entry.Record, *leg, error) {
	m.release()
	for {
		l, rec, wait, err := m.pick(time.Now())
		if err != nil || rec.Entry != nil || rec.Event != nil {
			return rec, l, err
		}
		m.timer.Reset(wait)
		select {
		case <-m.wake:
			m.timer.Stop()
		case <-m.timer.C:
			if wait == m.idle {
				return entry.Record{}, nil, nil
			}
		case <-ctx.Done():
			m.timer.Stop()
			return entry.Record{}, nil, context.Cause(ctx)
		case <-m.ctx.Done():
			m.timer.Stop()
			return entry.Record{}, nil, context.Canceled
		}
	}
}

// release lets the leg whose record was returned read the next one.
func (m *merger) release() {
	if l := m.used; l != nil {
		m.used = nil
		m.mu.Lock()
		l.state, l.rec = pulling, entry.Record{}
		m.mu.Unlock()
		l.next <- struct{}{}
	}
}

// pick returns the next record, or how long to wait for it.
func (m *merger) pick(now time.Time) (*leg, entry.Record, time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.events) > 0 {
		e := m.events[0]
		m.events = m.events[1:]
		return nil, entry.Record{Event: e}, 0, nil
	}
	var best *leg
	waiting, left := false, false
	for _, l := range m.legs {
		switch l.state {
		case ready:
			if l.rec.Event != nil {
				m.used = l
				return l, l.rec, 0, nil
			}
			if best == nil || m.comesBefore(l, best) {
				best = l
			}
		case pulling:
			waiting, left = true, true
		case away:
			left = true
		}
	}
	switch {
	case best == nil && !left && (!m.follow || len(m.legs) > 0): // without legs, some may come
		return nil, entry.Record{}, 0, io.EOF
	case best == nil:
		return nil, entry.Record{}, m.idle, nil
	case waiting && !m.follow:
		return nil, entry.Record{}, m.idle, nil
	case waiting:
		if wait := m.g.o.Reorder - now.Sub(best.arrived); wait > 0 {
			return nil, entry.Record{}, wait, nil
		}
	}
	m.used = best
	return best, best.rec, 0, nil
}

func (m *merger) comesBefore(a, b *leg) bool {
	at, bt := a.rec.Entry.Realtime, b.rec.Entry.Realtime
	if at != bt {
		return (at < bt) != m.reverse
	}
	return (a.agent < b.agent) != m.reverse
}

// setPlace keeps an agent's own cursor for that of all agents, if it has more than the name
// of the entry.
func (l *leg) setPlace(cursor string) {
	if l.place = l.place[:0]; entry.CursorID(cursor) != cursor && !strings.Contains(cursor, "~") {
		l.place = append(l.place, cursor...)
	}
}

// took remembers an entry that was returned as the last one of its leg.
func (l *leg) took(e *entry.Entry) {
	l.used = append(l.used[:0], e.Cursor...)
	l.setPlace(e.Cursor)
	l.usedAt = e.Realtime
}

// heads waits until no leg has a record on its way, and returns those of entries.
func (m *merger) heads(ctx context.Context) error {
	m.release()
	for {
		m.mu.Lock()
		waiting := false
		for _, l := range m.legs {
			if l.state == ready && l.rec.Event != nil {
				m.used = l // it is in the past that is skipped
			}
			waiting = waiting || l.state == pulling
		}
		m.mu.Unlock()
		if m.used != nil {
			m.release()
			continue
		}
		if !waiting {
			return nil
		}
		select {
		case <-m.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
