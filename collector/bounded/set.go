package bounded

import (
	"fmt"
	"log/slog"
	"sync"
)

// Most is how many calls of all sources of a set may be held at once: as many
// threads may wait in the kernel for ever.
const Most = 32

// Set is all sources of one program.
type Set struct {
	log *slog.Logger

	mu      sync.Mutex
	sources []*Source
	most    int // calls of all sources at once
}

// NewSet makes a set whose sources log to log; nil is slog.Default.
func NewSet(log *slog.Logger) *Set {
	if log == nil {
		log = slog.Default()
	}
	return &Set{log: log}
}

// Source adds a source of which at most so many calls run at once. late, which
// may be nil, is called when a call returns whose caller had given up: to ask
// again then gives its answer. It panics if the set would go beyond Most.
func (s *Set) Source(name string, most int, late func(key string)) *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most += most; s.most > Most {
		panic(fmt.Sprintf("bounded: %d calls at once with source %s: at most %d", s.most, name, Most))
	}
	src := &Source{name: name, log: s.log, late: late, slots: make(chan struct{}, most), calls: map[string]*call{}}
	src.count.Source = name
	s.sources = append(s.sources, src)
	return src
}

// Count says how the calls of one source went.
type Count struct {
	Source   string
	Held     int    // calls that run now, and whose callers have given up
	TimedOut uint64 // calls that did not return in time
	Refused  uint64 // calls that were not made: too many others did not return
	Panics   uint64
}

// Counts appends the counts of every source to dst, in the order in which they
// were made.
func (s *Set) Counts(dst []Count) []Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, src := range s.sources {
		src.mu.Lock()
		c := src.count
		c.Held = src.overdue
		src.mu.Unlock()
		dst = append(dst, c)
	}
	return dst
}
