package recent

import (
	"errors"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// maxTime bounds a tick's time, so that no sum of times overflows (year 2200).
const maxTime = 7258118400 * int64(time.Second)

// validHeader reports whether the values of a header are possible.
func validHeader(h *frame.Header) bool {
	return h.Agent != "" && len(h.Agent) <= frame.MaxAgent &&
		h.Parts >= 1 && h.Parts <= frame.MaxParts && h.Part < h.Parts &&
		h.Key >= 1 && h.Key <= h.Seq && h.Seq <= 1<<62 &&
		h.Time > 0 && h.Time < maxTime &&
		h.Interval > 0 && h.Interval <= (24*time.Hour).Nanoseconds()
}

// Append stores a frame whose header was read with frame.Peek. It keeps data. From then
// on the frame is in memory, and queries find it. whole reports that the frame completes
// its tick.
//
// stored, if not nil, is called once the frame is in a segment on disk, or once it is
// known to stay in memory only: because the store has no directory, or because the disk
// fails or does not respond, which is counted and logged. Append or another goroutine
// calls it. After ErrDuplicate it is called when the first copy is stored; after other
// errors it is never called.
//
// The errors are ErrBusy, ErrDuplicate, ErrOrphan, ErrBad and ErrAgents. After ErrBusy
// the store is unchanged, and the caller may append the frame later.
func (s *Store) Append(h *frame.Header, data []byte, stored func()) (whole bool, err error) {
	if !validHeader(h) || len(data) > maxRecord {
		return false, ErrBad
	}
	whole, safe, err := s.append(h, data, stored)
	if err == errKeyOnDisk {
		s.loadKey(h)
		whole, safe, err = s.append(h, data, stored)
	}
	if err == errKeyOnDisk { // dropped again at once: memory is short
		err = ErrBusy
	}
	if safe && stored != nil {
		stored()
	}
	return whole, err
}

// errKeyOnDisk is the error of append for a frame whose keyframe is not in memory.
var errKeyOnDisk = errors.New("the frame's keyframe is not in memory")

// append is the part of Append that needs the lock. safe reports that the caller has to
// call stored at once.
func (s *Store) append(h *frame.Header, data []byte, stored func()) (whole, safe bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agent(h.Agent)
	if a == nil {
		return false, false, ErrAgents
	}
	now := s.o.Now().UnixNano()
	sn := a.boot(h.Boot, now)
	p := &s.disk.pending
	if p.bytes > 0 && p.bytes+int64(len(data)) > s.o.Pending {
		return false, false, ErrBusy
	}
	if sn.has(h.Seq, h.Part) {
		if p.empty() {
			return false, true, ErrDuplicate
		}
		p.push(pendingFrame{stored: stored})
		s.writer.signal()
		return false, false, ErrDuplicate
	}
	if !sn.fits(h.Seq, h.Parts) {
		return false, false, ErrBad
	}
	head := *h
	head.Agent = a.id
	var key *keyframe
	if h.Keyframe() {
		if key = s.memory.keyPart(a, &head, data); key == nil {
			return false, false, ErrBad
		}
	} else {
		onDisk := false
		if key, onDisk = a.key(&head); key == nil {
			if onDisk && s.disk.holds(a.id) {
				return false, false, errKeyOnDisk
			}
			s.note(sn, &head)
			return false, false, ErrOrphan
		}
	}
	s.arrivals++
	safe = s.queue(pendingFrame{Header: head, data: data, at: now, no: s.arrivals, stored: stored}, key)
	s.memory.add(a, &head, data, key, now, s.arrivals, p.safe())
	return s.note(sn, h), safe, nil
}

// queue queues a frame for the writer, or reports that it will not be written.
func (s *Store) queue(f pendingFrame, key *keyframe) (unwritten bool) {
	if s.writer == nil {
		return true
	}
	if s.disk.failing && f.at < s.disk.retry {
		s.disk.unwritten++
		return true
	}
	if !f.Keyframe() {
		f.key, f.keyData = key.Header, key.parts[f.Part]
		f.key.Part = f.Part
	}
	s.disk.pending.push(f)
	s.writer.signal()
	return false
}

// note records that a frame was received, and counts the gaps that it reveals or fills.
// whole reports that the frame completes its tick.
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
