package bounded

import (
	"fmt"
	"log/slog"
	"sync"
)

// Most is how many calls of all sources of a set may run at once. It therefore bounds
// the threads that wait in the kernel for calls that do not return.
const Most = 48

// Set holds all sources of one program.
type Set struct {
	log *slog.Logger

	mu      sync.Mutex
	sources []*Source
	most    int // sum of the bounds of all sources
}

// NewSet makes a set whose sources log to log, or to slog.Default() if log is nil.
func NewSet(log *slog.Logger) *Set {
	if log == nil {
		log = slog.Default()
	}
	return &Set{log: log}
}

// Source adds a source, at most `most` of whose calls run at once. If late is not
// nil, it is called with the key of each call that returns after its caller has given
// up: the next Do with that key then returns the result. Source panics if the bounds
// of all sources add up to more than Most.
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

// Count holds the number of calls of one source that did not go well.
type Count struct {
	Source   string
	Held     int    // calls that still run although their callers have given up
	TimedOut uint64 // calls that did not return in time, since the start
	Refused  uint64 // calls that were not made because too many others did not return
	Panics   uint64 // calls that panicked
}

// Counts appends the counts of every source to dst, in the order in which the sources
// were added.
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
