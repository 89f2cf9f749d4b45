package fleet

import (
	"time"
)

// Stats counts since the fleet was made.
type Stats struct {
	Agents       int
	Stale        int
	Restarts     uint64 // runs of collectors that replaced another
	Conflicts    uint64 // replaced runs that came back: two machines with one agent id
	Decoded      uint64 // ticks
	DecodeErrors uint64
	DecodeTime   time.Duration
	CacheBytes   int64
}

// Stats returns the counts.
func (f *Fleet) Stats() Stats {
	s := Stats{
		Restarts: f.restarts.Load(), Conflicts: f.conflicts.Load(),
		Decoded: f.decoded.Load(), DecodeErrors: f.errors.Load(),
		DecodeTime: time.Duration(f.nanos.Load()), CacheBytes: f.cached.Load(),
	}
	now := f.o.Now()
	f.mu.RLock()
	defer f.mu.RUnlock()
	s.Agents = len(f.nodes)
	for _, n := range f.nodes {
		if now.Sub(n.heard) > away(&n.newest) {
			s.Stale++
		}
	}
	return s
}
