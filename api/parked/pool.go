package parked

import (
	"sync"
	"time"
)

// Limits bound the calls of a Pool that are under way at the same time.
type Limits struct {
	Calls    int // all of them
	Scarce   int // with so many under way, a Group may have no more than PerGroup
	PerGroup int
}

// Pool makes calls. Start and Wait are for one goroutine; the rest for any.
//
// Goroutines are started when a call would have to wait for one, and end with
// Close: there are at most as many as there were calls under way at one time.
type Pool struct {
	limits Limits
	timer  *time.Timer
	all    chan struct{} // signalled when no awaited call is under way; has room for one

	mu       sync.Mutex
	work     sync.Cond // signalled when queue grows, and at Close
	queue    []*Call
	head     int // of queue
	underWay int // calls in queue, and those being run
	workers  int
	idle     int     // workers that wait for work
	awaited  []*Call // started since the last Wait
	awaiting int     // how many of them are under way
	closed   bool
}

// New prepares a pool; it starts nothing.
func New(l Limits) *Pool {
	p := &Pool{limits: l, timer: time.NewTimer(0), all: make(chan struct{}, 1)}
	p.timer.Stop()
	p.work.L = &p.mu
	return p
}

// Start has a goroutine make the call, unless it is under way already, or fewer
// calls than reserve could be started after it. It reports whether it did.
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
			case <-p.all: // told of the calls before, for which nobody waited
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

// Wait waits until every call with Await that was started since the last Wait
// has returned, but no longer than d.
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

// UnderWay is how many calls were started and have not returned.
func (p *Pool) UnderWay() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.underWay
}

// UnderWayOf is how many of them are of a group.
func (p *Pool) UnderWayOf(g *Group) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return g.underWay
}

// Close ends the pool's goroutines: the idle ones now, the others as soon as
// their calls return.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.work.Broadcast()
}

// spawn starts one more goroutine, if there are fewer than calls. The caller
// holds mu.
func (p *Pool) spawn() {
	if p.workers < p.underWay {
		p.workers++
		go p.run()
	}
}

// run makes one call after the other. Before one that may hang, it sees to it
// that a goroutine is there for the next call.
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
