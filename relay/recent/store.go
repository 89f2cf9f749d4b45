package recent

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/setting"
)

// Errors of Append, for frames that it did not store.
var (
	ErrBusy      = errors.New("too many frames wait to be written to disk")
	ErrDuplicate = errors.New("the frame is already stored")
	ErrOrphan    = errors.New("the frame's keyframe was never received")
	ErrBad       = errors.New("the frame's header has impossible values")
	ErrAgents    = errors.New("the store has as many agents as it accepts")
)

// Options of a Store. The zero value of a field means its default.
type Options struct {
	Dir         string        // of the segments; "" for a history in memory only
	MemoryBytes int64         // bound of the frames in memory, bookkeeping included; default 256 MiB
	MemoryFor   time.Duration // how long frames stay in memory; default 15 minutes
	DiskBytes   int64         // bound of all segments; default setting.HistoryBytes
	DiskFor     time.Duration // how long segments stay on disk; default setting.History
	SegmentFor  time.Duration // how long one segment is written to; default 10 minutes, more if DiskFor is long
	Pending     int64         // bound of the bytes that wait to be written; default 64 MiB or a quarter of MemoryBytes
	StallAfter  time.Duration // a disk that does not respond for so long counts as failed; default 10 s
	ReadWait    time.Duration // how long a reader waits for one read of the disk; default 2 s
	MaxAgents   int           // bound of the known agents; default 20,000
	Log         *slog.Logger  // default slog.Default()
	Now         func() time.Time

	// Replay, if set, is called by Open with the header of every complete tick on
	// disk, and the approximate time at which it was received. The ticks of an agent
	// come in their order of arrival.
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
	if o.StallAfter <= 0 {
		o.StallAfter = 10 * time.Second
	}
	if o.ReadWait <= 0 {
		o.ReadWait = 2 * time.Second
	}
	if o.MaxAgents <= 0 {
		o.MaxAgents = 20000
	}
	if o.Pending <= 0 {
		o.Pending = min(64<<20, o.MemoryBytes/4)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store is the history of a relay. It is safe for concurrent use. No input or output
// happens while its lock is held.
type Store struct {
	o      Options
	writer *writer // nil without a directory
	reads  reads

	mu       sync.Mutex
	syncing  bool // a goroutine syncs a segment
	agents   map[string]*agent
	memory   memory
	disk     disk
	arrivals uint64 // frames stored since Open; the newest one's arrival number
	gaps     uint64 // ticks that were missing when a later one arrived
	late     uint64 // of those, ticks that arrived later
	decode   decodeStats
}

// Open opens a store, with the segments that an earlier run left in o.Dir. It returns an
// error if the directory cannot be used. A disk that fills up later only costs history
// on disk.
func Open(o Options) (*Store, error) {
	o.defaults()
	s := &Store{o: o, agents: make(map[string]*agent)}
	s.memory.max, s.memory.keep = o.MemoryBytes, o.MemoryFor.Nanoseconds()
	s.disk.pending.queue.keep = true
	s.reads.wait = o.ReadWait
	if o.Dir == "" {
		return s, nil
	}
	last, err := s.disk.open(&s.o)
	for _, seg := range s.disk.segments {
		if err == nil {
			err = s.replay(seg)
		}
	}
	if err != nil {
		for _, seg := range s.disk.segments {
			seg.file.Close()
		}
		return nil, err
	}
	for _, seg := range s.disk.segments {
		seg.reads = &s.reads
	}
	s.writer = newWriter(s, last)
	return s, nil
}

// replay records the frames that a segment's lists name.
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
	if errors.Is(err, errIndex) { // a list is damaged: build the lists from the records
		s.disk.cut++
		if _, err = seg.scan(seg.size); err == nil {
			seg.sealed = false
			seg.writeFooter()
			err = seg.eachOf(learn)
		}
	}
	return err
}

// Tidy drops frames that are too old, removes agents without frames, and starts a sync of
// the newest segment, without waiting for it. The caller calls it every few seconds.
func (s *Store) Tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now().UnixNano()
	s.memory.trim(now, s.disk.pending.safe())
	for id, a := range s.agents {
		if a.ticks.len() > 0 {
			continue
		}
		s.memory.forget(a)
		if !s.disk.holds(id) && a.silent(now-s.o.DiskFor.Nanoseconds()) {
			delete(s.agents, id)
		}
	}
	if s.writer == nil {
		return
	}
	s.writer.expire = true
	s.writer.signal()
	if seg := s.disk.active; seg != nil && !s.syncing {
		s.syncing = true
		seg.refs++
		go s.sync(seg)
	}
}

// sync calls fsync for a segment.
func (s *Store) sync(seg *segment) {
	if err := seg.file.Sync(); err != nil {
		s.o.Log.Warn("fsync of the history failed", "path", seg.path, "err", err)
	}
	s.release(seg)
	s.mu.Lock()
	s.syncing = false
	s.mu.Unlock()
}

// Close writes the pending frames, and seals the newest segment. It returns an error if
// the disk does not respond for Options.StallAfter. The store must not be used
// afterwards.
func (s *Store) Close() error {
	if s.writer == nil {
		return nil
	}
	s.mu.Lock()
	s.writer.closing = true
	s.mu.Unlock()
	s.writer.signal()
	for {
		patience := time.NewTimer(s.o.StallAfter)
		select {
		case <-s.writer.ended:
			patience.Stop()
			return s.writer.err
		case <-patience.C:
			s.mu.Lock()
			stalled := !s.writer.busy.IsZero() && time.Since(s.writer.busy) >= s.o.StallAfter
			frames := s.disk.pending.frames
			s.mu.Unlock()
			if stalled {
				return fmt.Errorf("history on disk: the disk does not respond, %d frames were not written", frames)
			}
		}
	}
}
