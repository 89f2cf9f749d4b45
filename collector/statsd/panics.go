package statsd

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// panics counts recovered panics and logs them. It logs at most one stack in
// panicInterval.
type panics struct {
	log   *slog.Logger
	count atomic.Uint64

	mu    sync.Mutex
	next  time.Time
	muted uint64
}

const (
	panicInterval = 10 * time.Second
	maxStack      = 8 << 10 // bytes of a stack that are logged
)

// report counts and logs a panic. over says what was done. The deferred function that
// recovered the panic calls report, so that the stack is that of the panic.
func (p *panics) report(over string, value any) {
	p.count.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Before(p.next) {
		p.muted++
		return
	}
	stack := debug.Stack()
	p.log.Error("daytwo panicked over "+over+" and goes on: this is a fault of its own", "panic", value,
		"not_logged", p.muted, "stack", string(stack[:min(len(stack), maxStack)]))
	p.next, p.muted = now.Add(panicInterval), 0
}
