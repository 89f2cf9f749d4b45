package recent

import "github.com/daytwo/daytwo/api/frame"

// heldKey is a keyframe of which a segment has parts.
type heldKey struct {
	boot, seq uint64
	have      bitset // the parts
}

// maxHeldKeys bounds the keyframes per agent that a segment remembers to have. Two are in
// use at once while a collector sends its spool and live frames.
const maxHeldKeys = 4

// noteKey records that the segment has a part of a keyframe. Only the writer calls it.
func (s *segment) noteKey(h *frame.Header) {
	keys := s.keys[h.Agent]
	for i := range keys {
		if k := &keys[i]; k.boot == h.Boot && k.seq == h.Seq && int(h.Part/64) < len(k.have) {
			k.have.set(h.Part)
			return
		}
	}
	if len(keys) == maxHeldKeys {
		copy(keys, keys[1:])
		keys = keys[:maxHeldKeys-1]
	}
	k := heldKey{boot: h.Boot, seq: h.Seq, have: newBitset(h.Parts)}
	k.have.set(h.Part)
	s.keys[h.Agent] = append(keys, k)
}

// hasKey reports whether the segment has the part of the keyframe that a delta refers
// to. Only the writer calls it.
func (s *segment) hasKey(h *frame.Header) bool {
	for _, k := range s.keys[h.Agent] {
		if k.boot == h.Boot && k.seq == h.Key {
			return k.have.has(h.Part)
		}
	}
	return false
}
