package recent

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// Stats holds the state of a Store, and its counts since Open.
type Stats struct {
	Agents       int
	MemoryFrames int
	MemoryBytes  int64 // bookkeeping included
	DiskFrames   int   // copied keyframes included
	DiskBytes    int64
	Segments     int
	DiskFailing  bool   // frames are kept in memory only
	Pending      int    // frames in memory that wait to be written
	PendingBytes int64  // of those frames, bookkeeping included
	Stalls       uint64 // times that the disk did not respond for Options.StallAfter
	DiskErrors   uint64 // failed reads and writes
	Unwritten    uint64 // frames kept in memory only, because the disk failed or did not respond
	Carried      uint64 // keyframes copied to a later segment, so that each can be read alone
	Torn         uint64 // segments that Open truncated, or could not read
	TornBytes    uint64 // that Open truncated

	Gaps    uint64 // ticks that were missing when a later one arrived
	Late    uint64 // of those, ticks that arrived later
	Missing uint64 // ticks that are missing although later ones arrived, of all remembered runs

	Decoded      uint64 // frames decoded for queries
	DecodeErrors uint64
	DecodeTime   time.Duration
}

// Stats returns the state and the counts.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Agents:       len(s.agents),
		MemoryFrames: s.memory.order.len(),
		MemoryBytes:  s.memory.bytes,
		DiskBytes:    s.disk.bytes(),
		Segments:     len(s.disk.segments),
		DiskFailing:  s.disk.failing,
		Pending:      s.disk.pending.frames,
		PendingBytes: s.disk.pending.bytes,
		Stalls:       s.disk.stalls,
		DiskErrors:   s.disk.errors,
		Unwritten:    s.disk.unwritten,
		Carried:      s.disk.carried,
		Torn:         s.disk.cut,
		TornBytes:    s.disk.cutBytes,
		Gaps:         s.gaps,
		Late:         s.late,
		Decoded:      s.decode.frames.Load(),
		DecodeErrors: s.decode.errors.Load(),
		DecodeTime:   time.Duration(s.decode.nanos.Load()),
	}
	for _, a := range s.agents {
		st.Missing += a.holes()
	}
	for _, seg := range s.disk.segments {
		st.DiskFrames += seg.records
	}
	return st
}

// decodeStats counts decoded frames, and pools decoders.
type decodeStats struct {
	frames, errors, nanos atomic.Uint64
	pool                  sync.Pool
}

func (d *decodeStats) get() *frame.Decoder {
	if dec, ok := d.pool.Get().(*frame.Decoder); ok {
		return dec
	}
	return frame.NewDecoder()
}

func (d *decodeStats) put(dec *frame.Decoder) { d.pool.Put(dec) }

// took counts one decoded frame.
func (d *decodeStats) took(begun time.Time, err error) {
	d.frames.Add(1)
	d.nanos.Add(uint64(time.Since(begun)))
	if err != nil {
		d.errors.Add(1)
	}
}
