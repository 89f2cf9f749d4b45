package publish

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/lockfile"
)

// spool is a queue of records on disk: append-only segment files, of which the
// oldest is removed when the bound is reached. Only one goroutine uses it.
//
// A record is written with one write(2) and not synced: after a crash of the
// collector it is there; after a power cut, what the kernel had not yet written (some
// 30 s) is lost. A segment is synced when it is full, and when the collector ends.
// Which records were acknowledged is not stored: a restart sends the oldest segment
// again from its start, and relays recognise duplicates.
type spool struct {
	dir      string
	max      int64 // bytes of all segments
	segMax   int64 // bytes of one
	lock     *lockfile.Lock
	segs     []*segment
	bytes    int64
	pending  int      // records neither acknowledged nor given up
	w        *os.File // of the last segment, nil = the next append starts one
	r        *os.File
	rseg     *segment // that r reads
	roff     int64    // next record to read
	ridx     int      // and its number in rseg
	out      int      // records read, not acknowledged
	lastID   uint64
	overflow uint64 // records lost to the bound
	corrupt  uint64 // records, or tails of files, that could not be read
}

// openSpool opens a spool directory, and the segments of an earlier run.
func openSpool(dir string, limit int64) (*spool, error) {
	s := &spool{dir: dir, max: limit, segMax: min(8<<20, limit/8)}
	lock, err := lockfile.Hold(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s.lock = lock
	entries, err := os.ReadDir(dir)
	if err != nil {
		lock.Release()
		return nil, fmt.Errorf("spool: %w", err)
	}
	for _, e := range entries { // sorted by name, so by id
		if id, ok := segmentID(e.Name()); ok && !strings.HasPrefix(e.Name(), ".") {
			s.adopt(&segment{path: filepath.Join(dir, e.Name()), id: id})
		}
	}
	return s, nil
}

func (s *spool) adopt(seg *segment) {
	s.lastID = max(s.lastID, seg.id)
	damaged, err := seg.recover()
	if damaged || err != nil {
		s.corrupt++
	}
	if seg.records == 0 {
		_ = os.Remove(seg.path)
		return
	}
	s.segs = append(s.segs, seg)
	s.bytes += seg.size
	s.pending += seg.records
}

// append writes a record: buf is room for its head, and its bytes. fresh says that the
// records from here on need none before them, so that a new file may begin. After an
// error nothing of the record is left.
func (s *spool) append(buf []byte, fresh bool) error {
	last := s.last()
	if s.w != nil && (last.size >= s.segMax || fresh && last.size >= s.segMax/2) {
		s.seal()
	}
	for s.bytes+int64(len(segmentMagic)+len(buf)) > s.max && len(s.segs) > 0 {
		s.dropOldest()
	}
	if s.w == nil {
		if err := s.start(); err != nil {
			return err
		}
	}
	last = s.last()
	sealRecord(buf)
	if _, err := s.w.WriteAt(buf, last.size); err != nil {
		if terr := s.w.Truncate(last.size); terr != nil {
			s.seal() // the part of the record is cut off when it is read
		}
		if last.records == 0 {
			s.remove(last) // an empty file only takes an inode
		}
		return fmt.Errorf("spool: %w", err)
	}
	last.size += int64(len(buf))
	last.records++
	s.bytes += int64(len(buf))
	s.pending++
	return nil
}

// wantFresh reports whether a keyframe should come soon: the segment is half full.
func (s *spool) wantFresh() bool {
	return s.w != nil && s.last().size >= s.segMax/2
}

func (s *spool) last() *segment {
	if len(s.segs) == 0 {
		return nil
	}
	return s.segs[len(s.segs)-1]
}

// start begins a segment.
func (s *spool) start() error {
	s.lastID++
	seg := &segment{path: segmentPath(s.dir, s.lastID), id: s.lastID}
	f, err := os.OpenFile(seg.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if _, err := f.WriteString(segmentMagic); err != nil {
		f.Close()
		_ = os.Remove(seg.path)
		return fmt.Errorf("spool: %w", err)
	}
	seg.size = int64(len(segmentMagic))
	s.w = f
	s.segs = append(s.segs, seg)
	s.bytes += seg.size
	return nil
}

// seal ends the segment that is written.
func (s *spool) seal() {
	if s.w == nil {
		return
	}
	_ = s.w.Sync() // a failure leaves what an unsynced file is: likely there
	s.w.Close()
	s.w = nil
	if last := s.last(); last.done == last.records {
		s.remove(last)
	}
}

func (s *spool) dropOldest() {
	seg := s.segs[0]
	lost := seg.records - seg.done
	s.overflow += uint64(lost)
	s.pending -= lost
	s.remove(seg)
}

// remove deletes a segment; its pending records are accounted for by the caller.
func (s *spool) remove(seg *segment) {
	if seg.gone {
		return
	}
	if s.w != nil && seg == s.last() {
		s.w.Close()
		s.w = nil
	}
	if seg == s.rseg {
		s.closeReader()
	}
	seg.gone = true
	_ = os.Remove(seg.path)
	s.segs = slices.DeleteFunc(s.segs, func(x *segment) bool { return x == seg })
	s.bytes -= seg.size
}

// next reads the record after the last one into buf, head included. It
// returns nil when there is none, or none yet.
func (s *spool) next(buf []byte) ([]byte, *segment) {
	for {
		if s.rseg == nil || s.ridx >= s.rseg.records {
			if !s.advance() {
				return nil, nil
			}
		}
		seg := s.rseg
		out, next, err := readRecord(s.r, s.roff, seg.size, buf)
		if err == nil {
			s.roff, s.ridx, s.out = next, s.ridx+1, s.out+1
			return out, seg
		}
		if s.out > 0 { // first wait for the answers to those before it
			return nil, nil
		}
		buf = out
		s.skip(seg, next)
	}
}

// skip skips a damaged record or, where the next one cannot be found, the rest of its
// file.
func (s *spool) skip(seg *segment, next int64) {
	lost := 1
	if next == 0 {
		lost = seg.records - s.ridx
	}
	s.roff, s.ridx = next, s.ridx+lost
	s.corrupt += uint64(lost)
	s.settle(seg, lost)
}

// advance opens the segment after the one that was read.
func (s *spool) advance() bool {
	for _, seg := range s.segs {
		if s.rseg != nil && seg.id <= s.rseg.id || seg.done == seg.records {
			continue
		}
		s.closeReader()
		f, err := os.Open(seg.path)
		if err != nil {
			lost := seg.records - seg.done
			s.corrupt += uint64(lost)
			s.pending -= lost
			s.remove(seg)
			return s.advance()
		}
		s.r, s.rseg, s.roff, s.ridx = f, seg, int64(len(segmentMagic)), 0
		return true
	}
	return false
}

func (s *spool) closeReader() {
	if s.r != nil {
		s.r.Close()
	}
	s.r, s.rseg = nil, nil
}

// ack removes the oldest record that was read and not acknowledged; it is of seg.
func (s *spool) ack(seg *segment) {
	s.out--
	s.settle(seg, 1)
}

func (s *spool) settle(seg *segment, n int) {
	if seg.gone { // its records were counted then
		return
	}
	seg.done += n
	s.pending -= n
	if seg.done == seg.records {
		s.remove(seg)
	}
}

// rewind makes next start with the oldest record that is not acknowledged.
func (s *spool) rewind() {
	s.closeReader()
	s.out = 0
	if !s.advance() {
		return
	}
	for s.ridx < s.rseg.done {
		next, _, ok := recordAt(s.r, s.roff, s.rseg.size)
		if !ok {
			return
		}
		s.roff, s.ridx = next, s.ridx+1
	}
}

func (s *spool) empty() bool { return s.pending == 0 }

// close closes the files; what is pending stays on disk.
func (s *spool) close() error {
	s.seal()
	s.closeReader()
	return s.lock.Release()
}
