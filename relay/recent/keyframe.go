package recent

import (
	"github.com/daytwo/daytwo/api/frame"
)

// key returns the keyframe in memory that a delta needs. onDisk reports that it
// is not there, and worth looking for on disk.
func (a *agent) key(h *frame.Header) (k *keyframe, onDisk bool) {
	k = a.findKey(h.Boot, h.Key)
	if k == nil {
		return nil, a.orphan.boot != h.Boot || a.orphan.key != h.Key // looked for already, in vain
	}
	if int(h.Parts) != len(k.parts) || k.parts[h.Part] == nil {
		return nil, false
	}
	return k, false
}

// loadKey brings the keyframe that a delta needs back into memory from disk, or
// notes that it cannot be had. The store's lock is not held.
func (s *Store) loadKey(h *frame.Header) {
	s.mu.Lock()
	views := s.disk.views(h.Agent)
	s.mu.Unlock()
	defer s.releaseViews(views)
	found, err := find(views, h.Agent, h.Boot, h.Key)
	errors := uint64(0)
	if err != nil {
		errors++
	}
	parts := make([][]byte, len(found))
	for i := range found {
		if parts[i], err = found[i].bytes(); err != nil {
			errors++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk.errors += errors
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

// loadKeyPart takes in a part of a keyframe that was read from disk.
func (m *memory) loadKeyPart(a *agent, h *frame.Header, data []byte) {
	if k := a.findKey(h.Boot, h.Seq); k != nil && k.part(h.Part) != nil {
		return // it came meanwhile
	}
	if k := m.keyPart(a, h, data); k != nil {
		k.size += int64(len(data))
		m.bytes += int64(len(data))
	}
}

func (k *keyframe) part(n uint16) []byte {
	if int(n) < len(k.parts) {
		return k.parts[n]
	}
	return nil
}
