package recent

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// Stats is what the store holds, and counts since it was opened.
type Stats struct {
	Agents       int
	MemoryFrames int
	MemoryBytes  int64 // bookkeeping included
	DiskFrames   int   // carried keyframes included
	DiskBytes    int64
	Segments     int
	DiskFailing  bool   // frames are kept in memory only
	Pending      int    // frames in memory that are still to be written
	PendingBytes int64  // bookkeeping included
	Stalls       uint64 // times that the disk did not respond
	DiskErrors   uint64 // failed reads and writes
	Unwritten    uint64 // frames kept in memory only, because the disk failed or did not respond
	Carried      uint64 // keyframes written again, so that each segment can be read without others
	Torn         uint64 // segments that lost a torn end, or that could not be read, at start
	TornBytes    uint64

	Gaps    uint64 // ticks that had not come when a later one did
	Late    uint64 // of those, ticks that came after all
	Missing uint64 // ticks that never came, though later ones did, of all runs that are remembered

	Decoded      uint64 // frames decoded for queries
	DecodeErrors uint64
	DecodeTime   time.Duration
}

// Stats returns the figures.
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

// decodeStats counts decoding, and keeps decoders for the next query.
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

// took counts one decoding.
func (d *decodeStats) took(begun time.Time, err error) {
	d.frames.Add(1)
	d.nanos.Add(uint64(time.Since(begun)))
	if err != nil {
		d.errors.Add(1)
	}
}
