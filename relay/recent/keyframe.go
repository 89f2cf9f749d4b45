package recent

import (
	"github.com/daytwo/daytwo/api/frame"
)

// key returns the keyframe in memory that a delta refers to. If that is not in memory,
// onDisk reports whether it may be on disk.
func (a *agent) key(h *frame.Header) (k *keyframe, onDisk bool) {
	k = a.findKey(h.Boot, h.Key)
	if k == nil {
		return nil, a.orphan.boot != h.Boot || a.orphan.key != h.Key // not that of the last failed search
	}
	if int(h.Parts) != len(k.parts) || k.parts[h.Part] == nil {
		return nil, false
	}
	return k, false
}

// loadKey reads the keyframe that a delta refers to from disk into memory, or records
// that it could not be read. The store's lock is not held.
func (s *Store) loadKey(h *frame.Header) {
	s.mu.Lock()
	views := s.disk.views(h.Agent)
	s.mu.Unlock()
	defer s.releaseViews(views)
	found, err := find(views, h.Agent, h.Boot, h.Key)
	failures := uint64(0)
	if err != nil {
		failures++
	}
	parts := make([][]byte, len(found))
	for i := range found {
		if parts[i], err = found[i].bytes(); err != nil {
			failures++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk.errors += failures
	a := s.agents[h.Agent]
	if a == nil {
		return
	}
	for i := range found {
		if parts[i] != nil {
			s.memory.loadKeyPart(a, &found[i].Header, parts[i])
		}
	}
	if a.findKey(h.Boot, h.Key) == nil {
		a.orphan.boot, a.orphan.key = h.Boot, h.Key
	}
}

// loadKeyPart stores a part of a keyframe that was read from disk.
func (m *memory) loadKeyPart(a *agent, h *frame.Header, data []byte) {
	if k := a.findKey(h.Boot, h.Seq); k != nil && k.part(h.Part) != nil {
		return // it was received meanwhile
	}
	if k := m.keyPart(a, h, data); k != nil {
		k.size += int64(len(data))
		m.bytes += int64(len(data))
	}
}

// part returns a part of the keyframe, nil if it is missing.
func (k *keyframe) part(n uint16) []byte {
	if int(n) < len(k.parts) {
		return k.parts[n]
	}
	return nil
}
