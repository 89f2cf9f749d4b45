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

// Store holds all series and ledgers. Each worker adds to it from its own goroutine. One
// goroutine calls Flush, at any time.
//
// Lock order: a worker's, a shard's (only one at a time), mu, events.mu.
type Store struct {
	o       Options
	workers []*Worker
	shards  [shards]shard

	mu      sync.Mutex // held to create or remove series
	origins []originState
	series  int // in all shards, without overflow series
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

// originState is the store's state of one sender.
type originState struct {
	known   bool
	series  int
	aliases int
	parent  uint64 // id of the container's row at the last flush
	gone    int64  // when the row was found missing, Unix nanoseconds; 0 if it was not

	heard  uint64 // lines and datagrams dropped by the kernel, at the last flush
	active int64  // when heard last increased, Unix nanoseconds
}

// New returns a store.
func New(o Options) *Store {
	o.defaults()
	s := &Store{o: o}
	for range o.Workers {
		s.workers = append(s.workers, &Worker{s: s})
	}
	return s
}

// SetSkew sets wall clock minus steady time, in nanoseconds. It is added to the times of
// lines and flushes, which are steady time, to get wall clock time. The goroutine that
// calls Flush calls it.
func (s *Store) SetSkew(nanoseconds int64) { s.skew = nanoseconds }

// Worker returns the worker with a number below Options.Workers.
func (s *Store) Worker(i int) *Worker { return s.workers[i] }

// mix returns the key of a series from its hash and its origin. It is never 0.
func mix(hash uint64, origin uint32) uint64 {
	hi, lo := bits.Mul64(hash^uint64(origin)*0x9e3779b97f4a7c15, 0xe7037ed1a0b428db)
	if k := hi ^ lo; k != 0 {
		return k
	}
	return 1
}

func (s *Store) shard(key uint64) *shard { return &s.shards[key>>(64-shardBits)] }

// of returns the state of an origin. The caller holds s.mu.
func (s *Store) of(origin uint32) *originState {
	for int(origin) >= len(s.origins) {
		s.origins = append(s.origins, originState{})
	}
	o := &s.origins[origin]
	o.known = true
	return o
}

// Keeps reports whether the store has series or a ledger of an origin.
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

// newRow creates a row. The caller holds s.mu.
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

// identity returns the labels of an origin without a Container row.
func (s *Store) identity(origin uint32) []frame.Label {
	if origin == 0 || s.o.Labels == nil {
		return nil
	}
	return s.o.Labels(origin)
}

// merge merges the labels of a series with those of its origin, by name. No name is in
// both: a series only has "type" and the labels of its tags.
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

// own returns the labels of a row without those of its origin.
func own(labels []frame.Label) []frame.Label {
	if !slices.ContainsFunc(labels, foreign) {
		return labels // may be shared with other rows
	}
	return slices.DeleteFunc(slices.Clone(labels), foreign)
}

func foreign(l frame.Label) bool { return l.Name != "type" && !metric.IsTagLabel(l.Name) }

// Series returns the number of series, without overflow series.
func (s *Store) Series() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.series
}

// appTable is the App table that Flush returns. It is reused for every tick.
type appTable struct {
	gen   uint64
	rows  []*frame.Row
	vals  []int64
	hists []*sketch.Histogram
	sets  []*sketch.Set

	expired []bool // containers whose series are removed, by origin
}

// logInterval is the shortest time between two logged rejections.
const logInterval = time.Second
