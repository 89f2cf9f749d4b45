package query

import (
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Local is the fleet of a collector: its own node's newest tick.
type Local struct {
	mu       sync.RWMutex
	agent    string
	hostname string
	batch    frame.Batch
	updated  time.Time // with a monotonic reading, so that setting the clock has no effect
}

// A Local is stale after staleIntervals without a tick, but not before staleAfter.
const (
	staleIntervals = 3
	staleAfter     = 15 * time.Second
)

// NewLocal returns the fleet of one node, which has no tick yet.
func NewLocal(agent, hostname string) *Local {
	return &Local{agent: agent, hostname: hostname}
}

// Update calls fn, which writes the next tick into b. Before that, b holds the previous
// tick. Readers wait until fn has returned.
func (l *Local) Update(fn func(b *frame.Batch)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn(&l.batch)
	l.updated = time.Now()
}

// Agents implements Fleet.
func (l *Local) Agents() []Agent {
	l.mu.RLock()
	defer l.mu.RUnlock()
	b := &l.batch
	if b.Seq == 0 {
		return nil
	}
	a := Agent{ID: l.agent, Hostname: l.hostname, Boot: b.Boot, Seq: b.Seq, Time: b.Time, Interval: b.Interval,
		Stale: time.Since(l.updated) > max(staleIntervals*time.Duration(b.Interval), staleAfter)}
	if t := b.Table(metric.Container); t != nil {
		a.Cgroups = len(t.Rows)
		for _, r := range t.Rows {
			if r.Label("container_id") != "" {
				a.Containers++
			}
		}
	}
	return []Agent{a}
}

// View implements Fleet.
func (l *Local) View(agent string, fn func(*frame.Batch)) error {
	if agent != l.agent {
		return ErrUnknownAgent
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.batch.Seq == 0 {
		return ErrNoTick
	}
	fn(&l.batch)
	return nil
}
