package bounded

import (
	"sync"
	"time"
)

// Limits bound how many calls of a Pool are under way at the same time.
type Limits struct {
	Calls    int // most calls
	Scarce   int // from this number of calls on, PerGroup applies
	PerGroup int // most calls of one Group
}

// Pool makes the same calls again and again, without allocating. Start and Wait must be
// called from one goroutine only; the other methods may be called from any.
//
// The pool starts a goroutine whenever a call would otherwise have to wait for one,
// and ends them at Close. There are never more goroutines than the largest number of
// calls that were under way at the same time.
type Pool struct {
	limits Limits
	timer  *time.Timer
	all    chan struct{} // signalled when no awaited call is under way; buffers one signal

	mu       sync.Mutex
	work     sync.Cond // signalled when queue grows, and at Close
	queue    []*Call
	head     int // index of the first call in queue
	underWay int // calls in queue, and those being run
	workers  int
	idle     int     // workers that wait for a call
	awaited  []*Call // calls with Await that were started since the last Wait
	awaiting int     // number of those that are under way
	closed   bool
}

// NewPool returns a pool. It starts no goroutine.
func NewPool(l Limits) *Pool {
	p := &Pool{limits: l, timer: time.NewTimer(0), all: make(chan struct{}, 1)}
	p.timer.Stop()
	p.work.L = &p.mu
	return p
}

// Start makes a goroutine run the call, and reports whether it did. It does not if
// the call is already under way, if a limit is reached, if fewer than reserve further
// calls could be started after it, or if the pool is closed.
func (p *Pool) Start(c *Call, reserve int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.UnderWay() || p.underWay+reserve >= p.limits.Calls {
		return false
	}
	if g := c.Group; g != nil {
		if p.underWay >= p.limits.Scarce && g.underWay >= p.limits.PerGroup {
			return false
		}
		g.underWay++
	}
	c.state.Store(underWay)
	p.underWay++
	if c.Await {
		if p.awaiting == 0 {
			select {
			case <-p.all: // a signal about earlier calls, which no Wait has received
			default:
			}
		}
		c.await = true
		p.awaiting++
		p.awaited = append(p.awaited, c)
	}
	p.queue = append(p.queue, c)
	if p.idle > 0 {
		p.work.Signal()
	} else {
		p.spawn()
	}
	return true
}

// Wait waits until every call with Await that was started since the last Wait has
// returned, but for d at most.
func (p *Pool) Wait(d time.Duration) {
	p.mu.Lock()
	if p.awaiting > 0 {
		p.mu.Unlock()
		p.timer.Reset(d)
		select {
		case <-p.all:
			p.timer.Stop()
		case <-p.timer.C:
		}
		p.mu.Lock()
	}
	for _, c := range p.awaited {
		c.await = false
	}
	clear(p.awaited)
	p.awaited, p.awaiting = p.awaited[:0], 0
	p.mu.Unlock()
}

// UnderWay returns how many calls were started and have not returned.
func (p *Pool) UnderWay() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.underWay
}

// UnderWayOf returns how many calls of group g were started and have not returned.
func (p *Pool) UnderWayOf(g *Group) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return g.underWay
}

// Close ends the pool's goroutines: idle ones at once, the others as soon as their
// calls return.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.work.Broadcast()
}

// spawn starts another goroutine if there are fewer goroutines than calls under way.
// The caller holds mu.
func (p *Pool) spawn() {
	if p.workers < p.underWay {
		p.workers++
		go p.run()
	}
}

// run makes one call after another until Close. Before each call, which may hang, it
// makes sure that another goroutine is there for the next call in the queue.
func (p *Pool) run() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for p.head == len(p.queue) && !p.closed {
			p.idle++
			p.work.Wait()
			p.idle--
		}
		if p.closed {
			return
		}
		c := p.queue[p.head]
		p.queue[p.head] = nil
		if p.head++; p.head == len(p.queue) {
			p.queue, p.head = p.queue[:0], 0
		} else if p.idle == 0 {
			p.spawn()
		}
		p.mu.Unlock()
		began := time.Now()
		c.Run()
		took := time.Since(began)
		p.mu.Lock()
		p.finish(c, took)
	}
}

// finish records that a call has returned. The caller holds mu.
func (p *Pool) finish(c *Call, took time.Duration) {
	p.underWay--
	if c.Group != nil {
		c.Group.underWay--
	}
	if c.await {
		c.await = false
		if p.awaiting--; p.awaiting == 0 {
			select {
			case p.all <- struct{}{}:
			default:
			}
		}
	}
	c.took = took
	c.state.Store(returned)
}
