package series

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// Store holds all series and ledgers. Workers add to it, each from a goroutine of
// its own; Flush is called by one goroutine, at any time.
//
// Locks are taken in this order: a worker's, a shard's (one at a time), mu, that
// of events.
type Store struct {
	o       Options
	workers []*Worker
	shards  [shards]shard

	mu      sync.Mutex // for the making and going of series
	origins []originState
	series  int // in all shards, overflow series left out
	names   names
	interns interns
	lastID  uint64

	logNext  atomic.Int64 // Unix nanoseconds
	logMuted atomic.Uint64

	app     appTable
	ledgers ledgerTable
	events  events
	skew    int64
}

// originState is what the store knows of a sender.
type originState struct {
	known   bool
	series  int
	aliases int
	parent  uint64 // ID of the container's row as of the last flush
	gone    int64  // when the row was found gone, Unix nanoseconds; 0 if it was not

	heard  uint64 // lines, and datagrams that the kernel dropped, as of the last flush
	active int64  // when it had risen, Unix nanoseconds
}

// New makes a store.
func New(o Options) *Store {
	o.defaults()
	s := &Store{o: o}
	for range o.Workers {
		s.workers = append(s.workers, &Worker{s: s})
	}
	return s
}

// SetSkew says what is to be added to the times of lines and flushes to get those
// of the wall clock: they may be told by one that is never set. It belongs to
// whoever calls Flush.
func (s *Store) SetSkew(nanoseconds int64) { s.skew = nanoseconds }

// Worker is the worker of a number below Options.Workers.
func (s *Store) Worker(i int) *Worker { return s.workers[i] }

// mix makes the key of a series out of its hash and its origin; never 0.
func mix(hash uint64, origin uint32) uint64 {
	hi, lo := bits.Mul64(hash^uint64(origin)*0x9e3779b97f4a7c15, 0xe7037ed1a0b428db)
	if k := hi ^ lo; k != 0 {
		return k
	}
	return 1
}

func (s *Store) shard(key uint64) *shard { return &s.shards[key>>(64-shardBits)] }

// of is the state of an origin. s.mu is held.
func (s *Store) of(origin uint32) *originState {
	for int(origin) >= len(s.origins) {
		s.origins = append(s.origins, originState{})
	}
	o := &s.origins[origin]
	o.known = true
	return o
}

// Keeps reports whether anything of an origin is here: series, or a ledger.
func (s *Store) Keeps(origin uint32) bool {
	for _, w := range s.workers {
		w.mu.Lock()
		counted := int(origin) < len(w.counts) && w.counts[origin] != nil
		w.mu.Unlock()
		if counted {
			return true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(origin) < len(s.origins) && s.origins[origin].known
}

// newRow makes a row. s.mu is held.
func (s *Store) newRow(origin uint32, key string, labels []frame.Label) *frame.Row {
	s.lastID++
	parent := s.of(origin).parent
	if parent == 0 {
		labels = merge(labels, s.identity(origin))
	}
	r := s.interns.row()
	*r = frame.Row{ID: s.lastID, Parent: parent, Key: key, Labels: labels}
	return r
}

// identity is the labels of an origin without a Container row.
func (s *Store) identity(origin uint32) []frame.Label {
	if origin == 0 || s.o.Labels == nil {
		return nil
	}
	return s.o.Labels(origin)
}

// merge puts the labels of the origin among those of a series, by name. No name
// is in both: a series has "type" and those of its tags.
func merge(labels, identity []frame.Label) []frame.Label {
	if len(identity) == 0 {
		return labels
	}
	all := slices.DeleteFunc(slices.Clone(identity), func(l frame.Label) bool {
		return !foreign(l)
	})
	all = append(all, labels...)
	slices.SortFunc(all, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// own is the labels of a row without those of its origin.
func own(labels []frame.Label) []frame.Label {
	if !slices.ContainsFunc(labels, foreign) {
		return labels // shared with other rows
	}
	return slices.DeleteFunc(slices.Clone(labels), foreign)
}

func foreign(l frame.Label) bool { return l.Name != "type" && !metric.IsTagLabel(l.Name) }

// Series is the number of series alive, overflow series left out.
func (s *Store) Series() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.series
}

// appTable is what Flush hands out of kind App; it is reused every time.
type appTable struct {
	gen   uint64
	rows  []*frame.Row
	vals  []int64
	hists []*sketch.Histogram
	sets  []*sketch.Set

	expired []bool // containers whose series go, by origin
}

// logInterval is the least time between two logged rejections.
const logInterval = time.Second
