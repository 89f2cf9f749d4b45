package line

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// Lines are scanned and hashed eight bytes at a time. The hash is of the wyhash family
// (folded 128-bit products). Its seed is random in each process, so that a sender cannot
// choose names that collide.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080

	prime1 = 0xa0761d6478bd642f
	prime2 = 0xe7037ed1a0b428db
	prime3 = 0x8ebc6af09c88c6e3
)

var nameSeed, tagSeed = rand.Uint64(), rand.Uint64()

// fold mixes two words into one: the halves of their product.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// marks sets the high bit of every byte of w that is c or d. Only the lowest set bit is
// reliable: a borrow may set higher ones.
func marks(w uint64, c, d byte) uint64 {
	x, y := w^ones*uint64(c), w^ones*uint64(d)
	return ((x-ones)&^x | (y-ones)&^y) & highs
}

// loadEnd returns the eight bytes from i on, with zeros after the end of b. The end is
// among these eight bytes.
func loadEnd(b []byte, i int) (w uint64) {
	if len(b) >= 8 && i < len(b) {
		return binary.LittleEndian.Uint64(b[len(b)-8:]) >> (8 * uint(i+8-len(b)) & 63)
	}
	for k := len(b) - 1; k >= i; k-- {
		w = w<<8 | uint64(b[k])
	}
	return w
}

// scanName returns the index of the ':' or '|' that ends a name, or len(b) if there is
// none, and the hash of the bytes before it.
func scanName(b []byte) (end int, h uint64) {
	h = nameSeed
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if m := marks(w, ':', '|'); m != 0 {
			k := bits.TrailingZeros64(m) >> 3
			w &= 1<<(8*uint(k)&63) - 1
			return i + k, fold(h^w, prime2^uint64(i+k))
		}
		h = fold(h^w, prime1)
	}
	w := loadEnd(b, i)
	k := min(bits.TrailingZeros64(marks(w, ':', '|'))>>3, len(b)-i)
	w &= 1<<(8*uint(k)&63) - 1
	return i + k, fold(h^w, prime2^uint64(i+k))
}

// hashBytes returns the hash of one name or tag.
func hashBytes(b []byte, h uint64) uint64 {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		h = fold(h^binary.LittleEndian.Uint64(b[i:]), prime1)
	}
	return fold(h^loadEnd(b, i), prime2^uint64(len(b)))
}

// Hash returns what Line.Hash is for a name, a type and tags, each tag written as
// "tag:value".
func Hash(name []byte, typ byte, tags ...[]byte) uint64 {
	var sum uint64
	for _, t := range tags {
		if len(t) > 0 {
			sum += hashBytes(t, tagSeed)
		}
	}
	return typed(hashBytes(name, nameSeed), typ) + sum
}

func typed(h uint64, typ byte) uint64 { return h ^ uint64(typ)*prime3 }
