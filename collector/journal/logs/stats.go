package logs

import (
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/entry"
)

// Stats count what was read since the start.
type Stats struct {
	Open    int64        // queries that are being read now
	Opened  uint64       // queries of entries
	Entries uint64       // that were returned
	Bytes   uint64       // of their fields
	Events  []EventCount // that were returned, in the order in which their kinds first occurred
}

// EventCount is how often a kind of event was returned.
type EventCount struct {
	Kind  entry.Kind
	Count uint64
}

type stats struct {
	open                   atomic.Int64
	opened, entries, bytes atomic.Uint64
	mu                     sync.Mutex
	events                 []EventCount // replaced, never changed
}

func (s *stats) event(k entry.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := append([]EventCount(nil), s.events...)
	for i := range events {
		if events[i].Kind == k {
			events[i].Count++
			s.events = events
			return
		}
	}
	s.events = append(events, EventCount{k, 1})
}

// Stats returns the counts.
func (n *Node) Stats() Stats {
	s := Stats{Open: n.stats.open.Load(), Opened: n.stats.opened.Load(), Entries: n.stats.entries.Load(),
		Bytes: n.stats.bytes.Load()}
	n.stats.mu.Lock()
	defer n.stats.mu.Unlock()
	s.Events = n.stats.events
	return s
}
