package recent

import "github.com/daytwo/daytwo/api/frame"

// keyHere is a keyframe that a segment holds, and which of its parts.
type keyHere struct {
	boot, seq uint64
	have      bitset
}

// keysHere bounds how many keyframes of an agent a segment remembers to hold: two
// are in use at once when a spool is drained beside live frames.
const keysHere = 4

// noteKey notes that the segment holds a part of a keyframe. The writer alone
// calls it.
func (s *segment) noteKey(h *frame.Header) {
	keys := s.keys[h.Agent]
	for i := range keys {
		if k := &keys[i]; k.boot == h.Boot && k.seq == h.Seq && int(h.Part/64) < len(k.have) {
			k.have.set(h.Part)
			return
		}
	}
	if len(keys) == keysHere {
		copy(keys, keys[1:])
		keys = keys[:keysHere-1]
	}
	k := keyHere{boot: h.Boot, seq: h.Seq, have: newBitset(h.Parts)}
	k.have.set(h.Part)
	s.keys[h.Agent] = append(keys, k)
}

// hasKey reports whether the segment holds the part of the keyframe that a delta
// needs. The writer alone calls it.
func (s *segment) hasKey(h *frame.Header) bool {
	for _, k := range s.keys[h.Agent] {
		if k.boot == h.Boot && k.seq == h.Key {
			return k.have.has(h.Part)
		}
	}
	return false
}
