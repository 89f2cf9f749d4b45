package sketch

import (
	"math"
	"math/bits"
)

const (
	signBit  = 1 << 63
	infinity = 0x7ff << 52 // bits of +Inf; those of NaNs are greater
	mantissa = 1<<52 - 1
	octave   = 1 << Scale // buckets between two powers of two
	base     = 1.0108892860517005

	// MinIndex and MaxIndex are the buckets of the smallest and the greatest float64
	// above 0.
	MinIndex = -1074 * octave
	MaxIndex = 1024 * octave
)

// bounds are the mantissas of the upper bounds of the buckets of one octave. They are
// those of Prometheus (model/histogram/generic.go, schema 6), some of which are a few
// units in the last place below 2^(i/64).
var bounds = [octave + 1]uint64{
	0x0000000000000, 0x02c9a3e778061, 0x059b0d3158574, 0x0874518759bc8,
	0x0b5586cf9890f, 0x0e3ec32d3d1a2, 0x11301d0125b50, 0x1429aaea92ddf,
	0x172b83c7d517b, 0x1a35beb6fcb75, 0x1d4873168b9aa, 0x2063b88628cd6,
	0x2387a6e756238, 0x26b4565e27cdd, 0x29e9df51fdee1, 0x2d285a6e4030b,
	0x306fe0a31b715, 0x33c08b26416ff, 0x371a7373aa9ca, 0x3a7db34e59ff6,
	0x3dea64c123422, 0x4160a21f72e2a, 0x44e086061892d, 0x486a2b5c13cd0,
	0x4bfdad5362a27, 0x4f9b2769d2ca7, 0x5342b569d4f81, 0x56f4736b527da,
	0x5ab07dd485429, 0x5e76f15ad2148, 0x6247eb03a5584, 0x6623882552224,
	0x6a09e667f3bcc, 0x6dfb23c651a2e, 0x71f75e8ec5f73, 0x75feb564267c8,
	0x7a11473eb0186, 0x7e2f336cf4e61, 0x82589994cce11, 0x868d99b4492eb,
	0x8ace5422aa0db, 0x8f1ae99157736, 0x93737b0cdc5e4, 0x97d829fde4e4f,
	0x9c49182a3f08f, 0xa0c667b5de564, 0xa5503b23e255b, 0xa9e6b5579fdbe,
	0xae89f995ad3ac, 0xb33a2b84f15fa, 0xb7f76f2fb5e45, 0xbcc1e904bc1d0,
	0xc199bdd85529a, 0xc67f12e57d149, 0xcb720dcef9066, 0xd072d4a078979,
	0xd5818dcfba486, 0xda9e603db3284, 0xdfc97337b9b5d, 0xe502ee78b3ff5,
	0xea4afa2a490d8, 0xefa1bee615a26, 0xf50765b6e453e, 0xfa7c1819e90d6,
	1 << 52,
}

// slots has, for each 128th of an octave, the first bucket that overlaps it. No 128th
// contains more than one bound, so that the bucket of a value is that one or the next.
var slots = func() (s [128]uint8) {
	k := uint8(0)
	for i := range s {
		for bounds[k] < uint64(i)<<45 {
			k++
		}
		s[i] = k
	}
	return s
}()

// index returns the bucket of a value above 0, given its bits.
func index(b uint64) int32 {
	e := int32(b >> 52)
	if e == 0 { // subnormal: shift the leading one to the position of the implied bit
		n := bits.LeadingZeros64(b) - 11
		b <<= n
		e = int32(1 - n)
	}
	m := b & mantissa
	k := slots[m>>45]
	return (e-1023)<<Scale + int32(k) + int32((bounds[k&(2*octave-1)]-m)>>63)
}

// Index returns the bucket that counts a finite value above 0.
func Index(v float64) int32 { return index(math.Float64bits(v)) }

// UpperBound returns the upper bound of bucket i, which is inclusive; math.MaxFloat64 for
// MaxIndex. The lower bound, which is exclusive, is UpperBound(i-1).
func UpperBound(i int32) float64 {
	if i >= MaxIndex {
		return math.MaxFloat64
	}
	return math.Ldexp(math.Float64frombits(1023<<52|bounds[i&(octave-1)]), int(i>>Scale))
}

// middle returns the value with the smallest greatest relative error to the values of
// bucket i: 0.55% (more for subnormal numbers, which have too few digits).
func middle(i int32) float64 {
	v := math.Float64frombits(1023<<52|bounds[i&(octave-1)]) * (2 / (1 + base))
	e := int(i >> Scale)
	return min(math.Ldexp(v/2, e+1), math.MaxFloat64)
}
