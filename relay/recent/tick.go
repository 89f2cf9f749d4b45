package recent

import (
	"errors"
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/api/frame"
)

// ErrGone is the error for a tick that the store does not have, or no longer has.
var ErrGone = errors.New("the tick is no longer stored")

// source is one frame in memory or in a segment.
type source struct {
	place
	data    []byte   // the frame, if it is in memory
	seg     *segment // else the segment that has it
	keyOnly bool     // only a keyframe for other frames: its own tick is gone, or has another source
}

// bytes returns the encoded frame.
func (s *source) bytes() ([]byte, error) {
	if s.data != nil {
		return s.data, nil
	}
	return s.seg.read(&s.place)
}

// eachOf calls fn with every record of a segment, agent by agent.
func (s *segment) eachOf(fn func(*place) bool) error {
	for id, p := range s.agents {
		b, err := s.entries(p)
		if err != nil {
			return err
		}
		if err := each(b, func(r *place) bool { r.Agent = id; return fn(r) }); err != nil {
			return err
		}
	}
	return nil
}

// entries returns the encoded list p of a segment, from memory or from its file.
func (s *segment) entries(p *posting) ([]byte, error) {
	if !s.sealed {
		return p.buf, nil
	}
	return s.load(p)
}

// Tick returns the frames of one tick, by part, and those of the keyframe that they are
// deltas against (nil if the tick is a keyframe itself). The caller must not modify
// them. The error is ErrGone, or that of reading the disk.
func (s *Store) Tick(agent string, boot, seq uint64) (parts, key [][]byte, err error) {
	s.mu.Lock()
	a := s.agents[agent]
	if a == nil {
		s.mu.Unlock()
		return nil, nil, ErrGone
	}
	head, parts, key := a.tick(boot, seq)
	if whole(parts) && (head.Keyframe() || whole(key)) {
		s.mu.Unlock()
		return parts, key, nil
	}
	views := s.disk.views(agent)
	s.mu.Unlock()
	defer s.releaseViews(views)
	if !whole(parts) {
		if head, parts, err = diskTick(views, agent, boot, seq); err != nil {
			return nil, nil, err
		}
	}
	if !head.Keyframe() && !whole(key) {
		if _, key, err = diskTick(views, agent, boot, head.Key); err != nil {
			return nil, nil, err
		}
	}
	return parts, key, nil
}

// tick returns the parts of a tick, and those of its keyframe, that are in memory.
func (a *agent) tick(boot, seq uint64) (head frame.Header, parts, key [][]byte) {
	ticks := a.ticks.all()
	for i := len(ticks) - 1; i >= 0; i-- {
		e := &ticks[i]
		if e.Boot != boot || e.Seq != seq {
			continue
		}
		if parts == nil {
			head, parts = e.Header, make([][]byte, e.Parts)
		}
		parts[e.Part] = e.bytes()
		if key == nil && !e.Keyframe() {
			key = slices.Clone(e.key.parts)
		}
	}
	return head, parts, key
}

// whole reports whether no part is missing.
func whole(parts [][]byte) bool {
	for _, p := range parts {
		if p == nil {
			return false
		}
	}
	return len(parts) > 0
}

// diskTick reads a tick from an agent's lists on disk.
func diskTick(views []view, agent string, boot, seq uint64) (head frame.Header, parts [][]byte, err error) {
	found, err := find(views, agent, boot, seq)
	if err != nil {
		return head, nil, err
	}
	for i := range found {
		f := &found[i]
		if parts == nil {
			head, parts = f.Header, make([][]byte, f.Parts)
		}
		if parts[f.Part], err = f.bytes(); err != nil {
			return head, nil, err
		}
	}
	if !whole(parts) {
		return head, nil, fmt.Errorf("agent %s, tick %d: %w", agent, seq, ErrGone)
	}
	return head, parts, nil
}
