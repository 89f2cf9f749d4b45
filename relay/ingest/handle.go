package ingest

import (
	"context"
	"runtime/debug"
	"time"
)

// handle calls the handler with one message after another, until ctx ends.
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

// take calls the handler with a message until it returns a verdict other than NotYet.
// It returns false if ctx ended before that.
func (s *session) take(ctx context.Context, m *Message) bool {
	in := s.in
	in.bytes.Add(uint64(len(m.Data)))
	var warned time.Time
	for wait := minBackoff; ; wait = min(2*wait, maxBackoff) {
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
			in.o.Log.Warn("a message cannot be handled yet: all later ones wait for it",
				"consumer", in.o.Durable, "subject", m.Subject)
		}
		if sleep(ctx, wait); ctx.Err() != nil {
			return false
		}
	}
}

// call calls the handler. A panic of the handler gives the verdict Panicked.
func (in *Ingest) call(ctx context.Context, m *Message) (v Verdict) {
	defer func() {
		if reason := recover(); reason != nil {
			in.panics.report(in, m, reason)
			m.holds.Store(1) // the handler's own Release may never be called
			v = Panicked
		}
	}()
	return in.o.Handle(ctx, m)
}

// panicLog logs at most one panic of the handler in panicInterval, since one panic is
// often followed by many others. Only the handler's goroutine uses it.
type panicLog struct {
	last   time.Time // when a panic was last logged
	hidden int       // panics since last that were not logged
}

const panicInterval = 10 * time.Second

func (p *panicLog) report(in *Ingest, m *Message, reason any) {
	now := time.Now()
	if now.Sub(p.last) < panicInterval {
		p.hidden++
		return
	}
	in.o.Log.Error("handling a message panicked: the message is dropped", "consumer", in.o.Durable,
		"subject", m.Subject, "bytes", len(m.Data), "panic", reason, "not_logged", p.hidden,
		"stack", string(debug.Stack()))
	p.last, p.hidden = now, 0
}
