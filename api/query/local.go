package query

import (
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Local is the fleet of a collector: its own node's newest tick.
type Local struct {
	agent    string
	hostname string

	mu    sync.RWMutex
	batch frame.Batch

	summaryMu sync.Mutex // held only while summary is copied
	summary   summary    // of batch
}

// summary is what Agents returns, without waiting for a tick in progress.
type summary struct {
	agent   Agent
	updated time.Time // with a monotonic reading, so that setting the clock has no effect
	gen     uint64    // generation of the table in which the containers were counted
}

// A Local is stale after staleIntervals without a tick, but not before staleAfter.
const (
	staleIntervals = 3
	staleAfter     = 15 * time.Second
)

// readWait is how long a reader waits for Update to return, which normally takes
// microseconds.
const readWait = time.Second

// NewLocal returns the fleet of one node, which has no tick yet.
func NewLocal(agent, hostname string) *Local {
	return &Local{agent: agent, hostname: hostname}
}

// Update calls fn, which writes the next tick into b. Before that, b holds the previous
// tick. Readers wait until fn has returned. If fn panics, there is no tick until the
// next Update.
func (l *Local) Update(fn func(b *frame.Batch)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	returned := false
	defer func() {
		if !returned {
			l.batch = frame.Batch{}
		}
	}()
	fn(&l.batch)
	returned = true
	l.summarize()
}

// summarize updates the summary. The caller holds mu.
func (l *Local) summarize() {
	l.summaryMu.Lock()
	defer l.summaryMu.Unlock()
	b, was := &l.batch, l.summary
	s := summary{updated: time.Now(),
		agent: Agent{ID: l.agent, Hostname: l.hostname, Boot: b.Boot, Seq: b.Seq, Time: b.Time, Interval: b.Interval}}
	if t := b.Table(metric.Container); t != nil {
		s.gen = t.Gen
		s.agent.Cgroups = len(t.Rows)
		if t.Gen != 0 && was.gen == t.Gen {
			s.agent.Containers = was.agent.Containers
		} else {
			for _, r := range t.Rows {
				if r.Label("container_id") != "" {
					s.agent.Containers++
				}
			}
		}
	}
	l.summary = s
}

// Agents implements Fleet.
func (l *Local) Agents() []Agent {
	l.summaryMu.Lock()
	s := l.summary
	l.summaryMu.Unlock()
	if s.agent.Seq == 0 {
		return nil
	}
	s.agent.Stale = time.Since(s.updated) > max(staleIntervals*time.Duration(s.agent.Interval), staleAfter)
	return []Agent{s.agent}
}

// View implements Fleet. It returns ErrStalled if Update does not return.
func (l *Local) View(agent string, fn func(*frame.Batch)) error {
	if agent != l.agent {
		return ErrUnknownAgent
	}
	if !l.rLock() {
		return ErrStalled
	}
	defer l.mu.RUnlock()
	if l.batch.Seq == 0 {
		return ErrNoTick
	}
	fn(&l.batch)
	return nil
}

// rLock locks mu for reading. It returns false if that takes longer than readWait.
func (l *Local) rLock() bool {
	pause := 20 * time.Microsecond
	for end := time.Now().Add(readWait); !l.mu.TryRLock(); pause = min(2*pause, 5*time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}
