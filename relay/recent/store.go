package recent

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/setting"
)

// What Append says of a frame that it did not store.
var (
	ErrDuplicate = errors.New("the frame is here already")
	ErrOrphan    = errors.New("the frame's keyframe never came")
	ErrBad       = errors.New("the frame's header makes no sense")
	ErrAgents    = errors.New("too many agents")
)

// Options of a Store. Zero values are replaced by the defaults named here.
type Options struct {
	Dir         string        // of the segments; "" keeps nothing on disk
	MemoryBytes int64         // frames in memory, bookkeeping included (256 MiB)
	MemoryFor   time.Duration // how long they stay there (15 minutes)
	DiskBytes   int64         // all segments together (2 GiB)
	DiskFor     time.Duration // how long they stay (24 hours)
	SegmentFor  time.Duration // how long one segment is written to (10 minutes, more if DiskFor is long)
	MaxAgents   int           // agents known at once (20,000)
	Log         *slog.Logger
	Now         func() time.Time

	// Replay, if set, is called by Open with the header of every whole tick
	// already on disk, an agent's in order of arrival, and about when it came.
	Replay func(h *frame.Header, received time.Time)
}

func (o *Options) defaults() {
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = 256 << 20
	}
	if o.MemoryFor <= 0 {
		o.MemoryFor = 15 * time.Minute
	}
	if o.DiskBytes <= 0 {
		o.DiskBytes = setting.HistoryBytes
	}
	if o.DiskFor <= 0 {
		o.DiskFor = setting.History
	}
	if o.SegmentFor <= 0 {
		o.SegmentFor = max(10*time.Minute, o.DiskFor/500)
	}
	if o.MaxAgents <= 0 {
		o.MaxAgents = 20000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store is safe for concurrent use.
type Store struct {
	o Options

	mu       sync.Mutex
	agents   map[string]*agent
	memory   memory
	disk     disk
	arrivals uint64
	gaps     uint64 // ticks missing when a later one came
	late     uint64 // those of them that came after all
	decode   decodeStats
}

// Open opens the store, with what an earlier run left in o.Dir. A directory
// that cannot be used is an error; a disk that fills up later is not.
func Open(o Options) (*Store, error) {
	o.defaults()
	s := &Store{o: o, agents: make(map[string]*agent)}
	s.memory.max, s.memory.keep = o.MemoryBytes, o.MemoryFor.Nanoseconds()
	if err := s.disk.open(&s.o); err != nil {
		return nil, err
	}
	for _, seg := range s.disk.segments {
		if err := s.replay(seg); err != nil {
			s.disk.close()
			return nil, err
		}
	}
	return s, nil
}

// replay learns from a segment's lists which frames are here.
func (s *Store) replay(seg *segment) error {
	received := time.Unix(0, seg.end)
	learn := func(r *place) bool {
		if r.carried {
			return true
		}
		a := s.agent(r.Agent)
		if a == nil {
			return false
		}
		sn := a.boot(r.Boot, seg.end)
		if sn.fits(r.Seq, r.Parts) && !sn.has(r.Seq, r.Part) && sn.add(r.Seq, r.Part, r.Parts) && s.o.Replay != nil {
			s.o.Replay(&r.Header, received)
		}
		return true
	}
	err := seg.eachOf(learn)
	if errors.Is(err, errIndex) { // the lists are damaged: go by the records
		s.disk.cut++
		if _, err = seg.scan(seg.size); err == nil {
			seg.sealed = false
			_ = seg.seal()
			err = seg.eachOf(learn)
		}
	}
	return err
}

// Tidy drops what is too old, forgets agents of which nothing is left, and
// writes through to the disk. To be called every few seconds.
func (s *Store) Tidy() {
	s.mu.Lock()
	now := s.o.Now().UnixNano()
	s.memory.trim(now)
	s.disk.expire(now)
	for id, a := range s.agents {
		if a.ticks.len() > 0 {
			continue
		}
		s.memory.forget(a)
		if !s.disk.holds(id) && a.silent(now-s.o.DiskFor.Nanoseconds()) {
			delete(s.agents, id)
		}
	}
	seg := s.disk.active
	if seg != nil {
		seg.refs++
	}
	s.mu.Unlock()
	if seg != nil {
		if err := seg.file.Sync(); err != nil {
			s.o.Log.Warn("history on disk: sync failed", "file", seg.path, "err", err)
		}
		s.release(seg)
	}
}

// Close seals the newest segment. The store is not to be used afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk.close()
}
