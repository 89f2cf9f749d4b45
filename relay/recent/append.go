package recent

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

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
		key = s.memory.keyPart(a, &head, data)
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
