package query

import (
	"context"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

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
	boot    uint64
	time    int64
	columns [len(keptColumns)]keptColumn
}

// keptColumns are the columns that rates are told of.
var keptColumns = [...]struct {
	kind   metric.Kind
	column int
}{{metric.Container, metric.CPUUsage}, {metric.App, metric.AppSamples}, {metric.Statsd, metric.StatsdReceived}}

// keptColumn is one column of a tick, by row.
type keptColumn struct {
	ids  []uint64
	vals []int64
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
	u.boot, u.time = b.Boot, b.Time
	for i, c := range keptColumns {
		k := &u.columns[i]
		k.ids, k.vals = k.ids[:0], k.vals[:0]
		t := b.Table(c.kind)
		if t == nil {
			continue
		}
		w := t.Width()
		for j, r := range t.Rows {
			k.ids = append(k.ids, r.ID)
			k.vals = append(k.vals, t.Vals[j*w+c.column])
		}
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
		return ErrNoTick
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
	l.rises(metric.Container, metric.CPUUsage, fn)
	return nil
}

// rises calls fn with what a kept column rose by a nanosecond since the tick
// before, for each row that was there then. The caller holds the lock.
func (l *Local) rises(kind metric.Kind, column int, fn func(row uint64, perNanosecond float64)) {
	t := l.batch.Table(kind)
	elapsed := l.batch.Time - l.before.time
	if t == nil || l.before.boot != l.batch.Boot || elapsed <= 0 {
		return
	}
	for i, c := range keptColumns {
		if c.kind != kind || c.column != column {
			continue
		}
		before := &l.before.columns[i]
		then := make(map[uint64]int64, len(before.ids))
		for j, id := range before.ids {
			then[id] = before.vals[j]
		}
		for j, r := range t.Rows {
			now := t.Row(j)[column]
			was, ok := then[r.ID]
			if ok && was != metric.Absent && now >= was {
				fn(r.ID, float64(now-was)/float64(elapsed))
			}
		}
	}
}

// Rises implements SendRates.
func (l *Local) Rises(_ context.Context, agent string, k metric.Kind, column int, fn func(row uint64, perSecond float64)) error {
	if agent != l.agent {
		return ErrUnknownAgent
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.rises(k, column, func(row uint64, perNanosecond float64) { fn(row, perNanosecond*1e9) })
	return nil
}
