package recent

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
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
	SegmentFor  time.Duration // how long one segment is written to (10 minutes)
	MaxAgents   int           // agents known at once (20,000)
	Log         *slog.Logger
	Now         func() time.Time

	// Replay, if set, is called by Open with the header of every whole tick
	// already on disk, in order of arrival, and about when it was received.
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
		o.DiskBytes = 2 << 30
	}
	if o.DiskFor <= 0 {
		o.DiskFor = 24 * time.Hour
	}
	if o.SegmentFor <= 0 {
		o.SegmentFor = 10 * time.Minute
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

// agent is what the store knows of one agent.
type agent struct {
	id     string
	boots  map[uint64]*seen
	ticks  queue       // in memory, in order of arrival
	keys   []*keyframe // in memory, newest last
	orphan struct{ boot, key uint64 }
}

// maxBoots bounds the runs of one agent whose duplicates are recognised.
const maxBoots = 16

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
			err = seg.eachOf(learn)
		}
	}
	return err
}

// agent finds or makes an agent; nil when there are too many.
func (s *Store) agent(id string) *agent {
	a := s.agents[id]
	if a == nil {
		if len(s.agents) >= s.o.MaxAgents {
			return nil
		}
		a = &agent{id: id, boots: make(map[uint64]*seen)}
		s.agents[id] = a
	}
	return a
}

func (a *agent) boot(boot uint64, now int64) *seen {
	sn := a.boots[boot]
	if sn == nil {
		if len(a.boots) >= maxBoots {
			var oldest uint64
			for b, x := range a.boots {
				if y := a.boots[oldest]; y == nil || x.used < y.used {
					oldest = b
				}
			}
			delete(a.boots, oldest)
		}
		sn = &seen{}
		a.boots[boot] = sn
	}
	sn.used = now
	return sn
}

// maxTime bounds a tick's time, so that no sum of times overflows (year 2200).
const maxTime = 7258118400 * int64(time.Second)

// sane tells whether a header can be true at all.
func sane(h *frame.Header) bool {
	return h.Agent != "" && len(h.Agent) <= frame.MaxAgent &&
		h.Parts >= 1 && h.Parts <= frame.MaxParts && h.Part < h.Parts &&
		h.Key >= 1 && h.Key <= h.Seq && h.Seq <= 1<<62 &&
		h.Time > 0 && h.Time < maxTime &&
		h.Interval > 0 && h.Interval <= (24*time.Hour).Nanoseconds()
}

// Append stores a frame, whose header was read with frame.Peek, and keeps
// data. whole says that its tick is complete with it. The errors are the four
// of this package; a disk that cannot be written to is counted and logged, and
// the frame kept in memory.
func (s *Store) Append(h *frame.Header, data []byte) (whole bool, err error) {
	if !sane(h) || len(data) > maxRecord {
		return false, ErrBad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agent(h.Agent)
	if a == nil {
		return false, ErrAgents
	}
	now := s.o.Now().UnixNano()
	sn := a.boot(h.Boot, now)
	if sn.has(h.Seq, h.Part) {
		return false, ErrDuplicate
	}
	if !sn.fits(h.Seq, h.Parts) {
		return false, ErrBad
	}
	head := *h
	head.Agent = a.id
	var key *keyframe
	if h.Keyframe() {
		key = a.keyPart(&head, data)
		if key == nil {
			return false, ErrBad
		}
	} else if key = s.key(a, &head); key == nil {
		s.note(sn, &head)
		return false, ErrOrphan
	}
	s.arrivals++
	s.disk.append(now, s.arrivals, &head, data, key)
	s.memory.add(a, &head, data, key, now, s.arrivals)
	return s.note(sn, h), nil
}

// note marks a frame as seen and counts the gap that it shows or fills.
func (s *Store) note(sn *seen, h *frame.Header) (whole bool) {
	before := sn.holes()
	whole = sn.add(h.Seq, h.Part, h.Parts)
	if after := sn.holes(); after > before {
		s.gaps += after - before
	} else {
		s.late += before - after
	}
	return whole
}

// Gaps is how many ticks of an agent were announced by later ones and never came.
func (s *Store) Gaps(agent string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents[agent]; a != nil {
		return a.holes()
	}
	return 0
}

// Missing is one agent's Gaps.
type Missing struct {
	Agent string
	Ticks uint64
}

// Missing lists the agents that have gaps, by id.
func (s *Store) Missing() []Missing {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Missing
	for id, a := range s.agents {
		if n := a.holes(); n > 0 {
			out = append(out, Missing{id, n})
		}
	}
	slices.SortFunc(out, func(a, b Missing) int { return cmp.Compare(a.Agent, b.Agent) })
	return out
}

func (a *agent) holes() (n uint64) {
	for _, sn := range a.boots {
		n += sn.holes()
	}
	return n
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

func (a *agent) silent(since int64) bool {
	for _, sn := range a.boots {
		if sn.used >= since {
			return false
		}
	}
	return true
}

// Close seals the newest segment. The store is not to be used afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk.close()
}
