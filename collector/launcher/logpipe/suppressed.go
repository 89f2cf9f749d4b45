package logpipe

import (
	"sync/atomic"
	"time"
)

// suppressedEvery is how often a pipe that writes asks what journald has suppressed.
const suppressedEvery = 30 * time.Second

// rateLimits finds out what journald's rate limit has suppressed. journald tells the
// journal, and not the sender.
type rateLimits struct {
	next    time.Time     // when to ask
	entries uint64        // that were written when it asked last
	found   atomic.Uint64 // what the last answer was
	asking  atomic.Bool
	final   bool // it has asked after the last entry
}

// checkSuppressed takes what the last question found, and asks from time to time.
func (p *pipe) checkSuppressed() {
	r := &p.rates
	if p.Options.Suppressed == nil {
		return
	}
	p.countSuppressed()
	switch {
	case r.next.IsZero():
		r.next = p.now.Add(suppressedEvery)
	case !p.now.Before(r.next) && p.Entries != r.entries && r.asking.CompareAndSwap(false, true):
		r.next, r.entries = p.now.Add(suppressedEvery), p.Entries
		go func() {
			defer r.asking.Store(false)
			r.ask(p.Options.Suppressed)
		}()
	}
}

// finalSuppressed asks once more after the last entry was written.
func (p *pipe) finalSuppressed() {
	if r := &p.rates; p.Options.Suppressed != nil && !r.final {
		r.final = true
		if r.asking.CompareAndSwap(false, true) {
			r.ask(p.Options.Suppressed)
		}
		p.countSuppressed()
	}
}

func (r *rateLimits) ask(suppressed func() (uint64, error)) {
	if n, _ := suppressed(); n > 0 { // an error is usually one of permission
		r.found.Store(n)
	}
}

func (p *pipe) countSuppressed() {
	if n := p.rates.found.Load(); n > p.Stats.Suppressed {
		p.gap.suppressed += n - p.Stats.Suppressed
		p.Stats.Suppressed = n
		p.Log.Warn("journald's rate limit suppressed lines", "lines", n)
	}
}
