package recent

import (
	"github.com/daytwo/daytwo/api/frame"
)

// keyHere is a keyframe that a segment holds, and which of its parts.
type keyHere struct {
	boot, seq uint64
	have      bitset
}

// keysHere bounds how many keyframes a segment remembers to hold: two are in
// use at once when a spool is drained beside live frames.
const keysHere = 4

func (p *posting) noteKey(h *frame.Header) {
	for i := range p.keys {
		if k := &p.keys[i]; k.boot == h.Boot && k.seq == h.Seq && int(h.Part/64) < len(k.have) {
			k.have.set(h.Part)
			return
		}
	}
	if len(p.keys) == keysHere {
		copy(p.keys, p.keys[1:])
		p.keys = p.keys[:keysHere-1]
	}
	k := keyHere{boot: h.Boot, seq: h.Seq, have: newBitset(h.Parts)}
	k.have.set(h.Part)
	p.keys = append(p.keys, k)
}

func (p *posting) hasKey(boot, seq uint64, part uint16) bool {
	if p == nil {
		return false
	}
	for i := range p.keys {
		if k := &p.keys[i]; k.boot == boot && k.seq == seq {
			return k.have.has(part)
		}
	}
	return false
}
