package fleet

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// Store stores the frames of all agents.
type Store interface {
	// Tick returns a tick's frames by part, and the frames of its keyframe (nil if the
	// tick is a keyframe itself).
	Tick(agent string, boot, seq uint64) (parts, key [][]byte, err error)
	// Gaps returns the number of an agent's ticks that are missing although later ones
	// arrived.
	Gaps(agent string) uint64
}

// Options of a Fleet. The zero value of a field means its default.
type Options struct {
	Forget     time.Duration // an agent silent for so long is no longer listed; default 24 hours
	CacheBytes int64         // approximate bound of the decoded ticks; default 256 MiB
	Log        *slog.Logger  // default slog.Default()
	Now        func() time.Time
}

// Fleet implements query.Fleet over a Store. It is safe for concurrent use.
type Fleet struct {
	o     Options
	store Store

	mu    sync.RWMutex
	nodes map[string]*node

	cached                 atomic.Int64 // bytes of decoded ticks
	decoded, errors, nanos atomic.Uint64
	restarts, conflicts    atomic.Uint64
	decoders               sync.Pool
}

var _ query.Fleet = (*Fleet)(nil)

// New returns a fleet without agents. Call ReadFrom before View and Agents.
func New(o Options) *Fleet {
	if o.Forget <= 0 {
		o.Forget = 24 * time.Hour
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 256 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Fleet{o: o, nodes: make(map[string]*node)}
	f.decoders.New = func() any { return frame.NewDecoder() }
	return f
}

// ReadFrom sets the store that ticks are read from. It is not a parameter of New
// because a store calls Heard while it is opened.
func (f *Fleet) ReadFrom(store Store) { f.store = store }

// Heard records that all parts of a tick have been received, and that it can be read
// from the store.
func (f *Fleet) Heard(h *frame.Header, received time.Time) {
	f.mu.Lock()
	n := f.nodes[h.Agent]
	if n == nil {
		n = &node{id: h.Agent}
		f.nodes[h.Agent] = n
	}
	what := n.hear(h, received)
	f.mu.Unlock()
	switch what {
	case restarted:
		f.restarts.Add(1)
	case returned:
		f.restarts.Add(1)
		f.conflicts.Add(1)
		f.o.Log.Warn("a collector run that had been replaced sends again: two machines may have the same agent id",
			"agent_id", h.Agent)
	}
}

// Agents lists the agents that sent a tick within Options.Forget, sorted by ID.
func (f *Fleet) Agents() []query.Agent {
	now := f.o.Now()
	f.forget(now)
	type heard struct {
		n      *node
		newest frame.Header
		at     time.Time
	}
	f.mu.RLock()
	list := make([]heard, 0, len(f.nodes))
	for _, n := range f.nodes {
		list = append(list, heard{n, n.newest, n.heard})
	}
	f.mu.RUnlock()
	slices.SortFunc(list, func(a, b heard) int { return cmp.Compare(a.n.id, b.n.id) })
	out := make([]query.Agent, len(list))
	for i, l := range list {
		s := f.summary(l.n, l.newest)
		out[i] = query.Agent{
			ID: l.n.id, Hostname: s.hostname, Boot: l.newest.Boot, Seq: l.newest.Seq,
			Time: l.newest.Time, Interval: l.newest.Interval,
			Containers: s.containers, Cgroups: len(s.rows), Missing: f.store.Gaps(l.n.id),
			Stale: now.Sub(l.at) > staleAfter(&l.newest),
		}
	}
	return out
}

// Tidy removes the agents that have been silent for Options.Forget. The caller calls it
// every few seconds.
func (f *Fleet) Tidy() { f.forget(f.o.Now()) }

// forget removes the agents that have been silent for Options.Forget. It drops their
// decoded ticks after it has released f.mu, since a reader may hold a node's lock while
// it waits for the disk.
func (f *Fleet) forget(now time.Time) {
	var gone []*node
	f.mu.Lock()
	for id, n := range f.nodes {
		if now.Sub(n.heard) > f.o.Forget {
			gone = append(gone, n)
			delete(f.nodes, id)
		}
	}
	f.mu.Unlock()
	for _, n := range gone {
		f.cached.Add(-n.drop())
	}
}

// find returns an agent and the header of its newest tick.
func (f *Fleet) find(agent string) (*node, frame.Header, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := f.nodes[agent]
	if n == nil {
		return nil, frame.Header{}, query.ErrUnknownAgent
	}
	return n, n.newest, nil
}
