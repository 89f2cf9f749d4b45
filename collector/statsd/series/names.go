package series

import "math/bits"

// names stores the types with which each name of each container occurred. Each name
// takes one word: its hash, with one bit for each type in the lowest seven bits.
type names struct {
	slots []uint64
	n     int
}

const typeMask = 127

func typeBit(typ byte) uint64 {
	switch typ {
	case 'c':
		return 1
	case 'g':
		return 2
	case 'm':
		return 4
	case 'h':
		return 8
	case 'd':
		return 16
	case typeCheck:
		return 64
	}
	return 32
}

// add stores a type of a name. It reports whether the name had other types before, but
// not this one.
func (t *names) add(hash uint64, typ byte) (conflict bool) {
	if (t.n+1)*4 > len(t.slots)*3 {
		old := t.slots
		t.slots = make([]uint64, max(64, 2*len(old)))
		for _, w := range old {
			if w != 0 {
				t.slots[t.slot(w)] = w
			}
		}
	}
	i := t.slot(hash)
	was := t.slots[i] & typeMask
	if was == 0 {
		t.n++
	}
	t.slots[i] = hash&^typeMask | was | typeBit(typ)
	return was != 0 && was&typeBit(typ) == 0
}

// slot returns the index at which a hash is, or at which to store it.
func (t *names) slot(hash uint64) int {
	mask := len(t.slots) - 1
	i := int(bits.RotateLeft64(hash, 32)) & mask
	for t.slots[i] != 0 && t.slots[i]&^typeMask != hash&^typeMask {
		i = (i + 1) & mask
	}
	return i
}
