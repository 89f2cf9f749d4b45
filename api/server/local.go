package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// ErrNoHistory is answered by a collector alone, which keeps the newest tick only.
var ErrNoHistory = errors.New("a collector keeps no history: ask a relay")

// errNoTick is answered before the first tick is there.
var errNoTick = errors.New("the first tick is still to come: try again in a second")

// Local is the fleet of a collector alone: its own node, without history.
type Local struct {
	mu       sync.RWMutex
	agent    string
	hostname string
	batch    frame.Batch
	before   usage     // of the tick before
	updated  time.Time // with monotonic reading: a clock that is set makes nobody stale
}

// usage is what is kept of the tick before, to tell rates.
type usage struct {
	boot uint64
	time int64
	ids  []uint64
	cpu  []int64
}

// NewLocal makes the fleet of one node.
func NewLocal(agent, hostname string) *Local {
	return &Local{agent: agent, hostname: hostname}
}

// Update lets fn write the next tick. b holds the tick before, for fn to
// overwrite. Nobody sees the batch until fn has returned.
func (l *Local) Update(fn func(b *frame.Batch)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before.keep(&l.batch)
	fn(&l.batch)
	l.updated = time.Now()
}

// localSilence is after how many intervals without a tick the node is stale,
// at least localPatience.
const (
	localSilence  = 3
	localPatience = 15 * time.Second
)

// keep takes what rates need of a tick, reusing memory.
func (u *usage) keep(b *frame.Batch) {
	u.boot, u.time, u.ids, u.cpu = b.Boot, b.Time, u.ids[:0], u.cpu[:0]
	t := b.Table(metric.Container)
	if t == nil {
		return
	}
	w := t.Width()
	for i, r := range t.Rows {
		u.ids = append(u.ids, r.ID)
		u.cpu = append(u.cpu, t.Vals[i*w+metric.CPUUsage])
	}
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
		Stale: time.Since(l.updated) > max(localSilence*time.Duration(b.Interval), localPatience)}
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
		return errNoTick
	}
	fn(&l.batch)
	return nil
}

// Query implements Fleet: there is no history.
func (l *Local) Query(context.Context, Query) ([]Series, error) { return nil, ErrNoHistory }

// CPUUsed implements Rates.
func (l *Local) CPUUsed(_ context.Context, agent string, fn func(row uint64, cores float64)) error {
	if agent != l.agent {
		return ErrUnknownAgent
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.batch.Table(metric.Container)
	elapsed := l.batch.Time - l.before.time
	if t == nil || l.before.boot != l.batch.Boot || elapsed <= 0 {
		return nil
	}
	then := make(map[uint64]int64, len(l.before.ids))
	for i, id := range l.before.ids {
		then[id] = l.before.cpu[i]
	}
	for i, r := range t.Rows {
		now := t.Row(i)[metric.CPUUsage]
		was, ok := then[r.ID]
		if ok && was != metric.Absent && now >= was {
			fn(r.ID, float64(now-was)/float64(elapsed))
		}
	}
	return nil
}
