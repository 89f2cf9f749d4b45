package ingest

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// handle gives the messages to the handler, one after another, until ctx ends.
func (s *session) handle(ctx context.Context) {
	for {
		m := s.next(ctx)
		if m == nil {
			return
		}
		if !s.take(ctx, m) {
			s.mu.Lock()
			delete(s.unacked, m)
			s.mu.Unlock()
			s.in.unacked.Add(-1)
			return
		}
	}
}

// take gives a message to the handler until that takes it. It reports false if
// ctx ended before.
func (s *session) take(ctx context.Context, m *Message) bool {
	in := s.in
	in.bytes.Add(uint64(len(m.Data)))
	var warned time.Time
	for wait := backoff; ; wait = min(2*wait, backoffTo) {
		m.holds.Store(1)
		v := in.call(ctx, m)
		if v != NotYet {
			in.counts[v].Add(1)
			m.Release()
			return true
		}
		in.notYet.Add(1)
		if now := time.Now(); now.Sub(warned) >= time.Minute {
			warned = now
			in.o.Log.Warn("a message cannot be taken yet, and all later ones wait for it",
				"consumer", in.o.Durable, "subject", m.Subject)
		}
		if sleep(ctx, wait); ctx.Err() != nil {
			return false
		}
	}
}

// call calls the handler, and survives its panics.
func (in *Ingest) call(ctx context.Context, m *Message) (v Verdict) {
	defer func() {
		if reason := recover(); reason != nil {
			in.panics.report(in, m, reason)
			m.holds.Store(1) // whoever was to release it may never do so
			v = Panicked
		}
	}()
	return in.o.Handle(ctx, m)
}

// panicLog logs panics of the handler, at most one in panicEvery: a message that
// causes one is likely to be followed by others. The handler's goroutine alone
// uses it.
type panicLog struct {
	last   time.Time
	hidden int // since then
}

const panicEvery = 10 * time.Second

func (p *panicLog) report(in *Ingest, m *Message, reason any) {
	now := time.Now()
	if now.Sub(p.last) < panicEvery {
		p.hidden++
		return
	}
	in.o.Log.Error("the handler of a message panicked: the message is dropped", "consumer", in.o.Durable,
		"subject", m.Subject, "bytes", len(m.Data), "err", fmt.Sprint(reason), "not_logged", p.hidden,
		"stack", string(debug.Stack()))
	p.last, p.hidden = now, 0
}
