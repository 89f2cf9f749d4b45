package recent

import (
	"github.com/daytwo/daytwo/api/frame"
)

// key finds the keyframe that a delta needs, in memory or on disk; nil if it
// never came or is gone.
func (s *Store) key(a *agent, h *frame.Header) *keyframe {
	k := a.findKey(h.Boot, h.Key)
	if k == nil {
		if a.orphan.boot == h.Boot && a.orphan.key == h.Key {
			return nil // looked for already, in vain
		}
		if k = s.loadKey(a, h); k == nil {
			a.orphan.boot, a.orphan.key = h.Boot, h.Key
			return nil
		}
	}
	if int(h.Parts) != len(k.parts) || k.parts[h.Part] == nil {
		return nil
	}
	return k
}

// loadKey brings a keyframe back into memory from disk.
func (s *Store) loadKey(a *agent, h *frame.Header) *keyframe {
	found, err := s.disk.find(a.id, h.Boot, h.Key)
	if err != nil || len(found) == 0 {
		return nil
	}
	var k *keyframe
	for i := range found {
		data, err := found[i].bytes()
		if err != nil {
			s.disk.errors++
			continue
		}
		if k = s.memory.keyPart(a, &found[i].Header, data); k == nil {
			return nil
		}
		k.size += int64(len(data))
		s.memory.bytes += int64(len(data))
	}
	return k
}
