package logs

import (
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/entry"
)

// Stats count what was read since the start.
type Stats struct {
	Open    int64                 // queries that are being read now
	Opened  uint64                // queries of entries
	Entries uint64                // that were returned
	Bytes   uint64                // of their fields
	Events  map[entry.Kind]uint64 // that were returned
}

type stats struct {
	open                   atomic.Int64
	opened, entries, bytes atomic.Uint64
	mu                     sync.Mutex
	events                 map[entry.Kind]uint64
}

func (s *stats) event(k entry.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events == nil {
		s.events = map[entry.Kind]uint64{}
	}
	s.events[k]++
}

// Stats returns the counts.
func (n *Node) Stats() Stats {
	s := Stats{Open: n.stats.open.Load(), Opened: n.stats.opened.Load(), Entries: n.stats.entries.Load(),
		Bytes: n.stats.bytes.Load(), Events: map[entry.Kind]uint64{}}
	n.stats.mu.Lock()
	defer n.stats.mu.Unlock()
	for k, v := range n.stats.events {
		s.Events[k] = v
	}
	return s
}
