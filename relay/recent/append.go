package recent

import (
	"errors"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// maxTime bounds a tick's time, so that no sum of times overflows (year 2200).
const maxTime = 7258118400 * int64(time.Second)

// sane reports whether the values of a header are possible.
func sane(h *frame.Header) bool {
	return h.Agent != "" && len(h.Agent) <= frame.MaxAgent &&
		h.Parts >= 1 && h.Parts <= frame.MaxParts && h.Part < h.Parts &&
		h.Key >= 1 && h.Key <= h.Seq && h.Seq <= 1<<62 &&
		h.Time > 0 && h.Time < maxTime &&
		h.Interval > 0 && h.Interval <= (24*time.Hour).Nanoseconds()
}

// Append takes a frame in, whose header was read with frame.Peek, and keeps data.
// From then on the frame is in memory, and answered from there. whole reports that
// its tick is complete with it.
//
// stored, if not nil, is called once the frame is in a segment on disk, or known
// not to get there: because no directory was given, or because the disk fails or
// does not respond, which is counted and logged. It is called by Append or by
// another goroutine, also for ErrDuplicate, then when the first copy is safe; for
// other errors it is not. The errors are the five of this package. After ErrBusy
// nothing has changed, and the frame may be appended later.
func (s *Store) Append(h *frame.Header, data []byte, stored func()) (whole bool, err error) {
	if !sane(h) || len(data) > maxRecord {
		return false, ErrBad
	}
	whole, safe, err := s.append(h, data, stored)
	if err == errKeyOnDisk {
		s.loadKey(h)
		whole, safe, err = s.append(h, data, stored)
	}
	if err == errKeyOnDisk { // it went again at once: memory is short
		err = ErrBusy
	}
	if safe && stored != nil {
		stored()
	}
	return whole, err
}

// errKeyOnDisk is the error of append for a frame whose keyframe is not in memory.
var errKeyOnDisk = errors.New("the frame's keyframe is not in memory")

// append does the part of Append that needs the lock. safe reports that stored is
// to be called at once.
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

// queue hands a frame to the writer, or reports that it will not be written.
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

// note marks a frame as seen, and counts the gap that it reveals or fills. whole
// reports that its tick is complete with it.
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
