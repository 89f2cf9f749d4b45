package fleet

import (
	"time"
)

// Stats holds the state of a Fleet, and its counts since New.
type Stats struct {
	Agents       int
	Stale        int    // agents that are shown as stale
	Restarts     uint64 // collector runs that replaced another
	Conflicts    uint64 // replaced runs that sent again: two machines may have the same agent id
	Decoded      uint64 // ticks decoded
	DecodeErrors uint64
	DecodeTime   time.Duration
	CacheBytes   int64 // approximate memory of the decoded ticks
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
		if now.Sub(n.heard) > staleAfter(&n.newest) {
			s.Stale++
		}
	}
	return s
}
