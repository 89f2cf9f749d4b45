package sketch

import (
	"math"
	"math/bits"
)

const (
	precision = 12             // standard error 1.04/√(2^12) = 1.6%
	rankBits  = 64 - precision // bits of a hash that determine its rank

	// Registers is the number of registers of a Set that is not exact.
	Registers = 1 << precision
	// MaxRank is the greatest value of a register.
	MaxRank = rankBits + 1
)

// registers is a HyperLogLog: for each value of a hash's first 12 bits, the greatest rank
// of the remaining bits (the number of leading zeros, plus one).
type registers [Registers]uint8

func (r *registers) add(hash uint64) {
	i := hash >> rankBits
	rank := uint8(bits.LeadingZeros64(hash<<precision|1<<(precision-1)) + 1)
	if rank > r[i] {
		r[i] = rank
	}
}

func (r *registers) addAll(hashes []uint64) {
	for _, h := range hashes {
		r.add(h)
	}
}

func (r *registers) merge(o *registers) {
	for i, rank := range o {
		r[i] = max(r[i], rank)
	}
}

// estimate is the improved raw estimator of O. Ertl, "New cardinality estimation
// algorithms for HyperLogLog sketches" (2017). It is unbiased for all cardinalities and
// needs no tables.
func (r *registers) estimate() float64 {
	var histogram [MaxRank + 1]float64
	for _, rank := range r {
		histogram[rank]++
	}
	const m = Registers
	z := m * tau(1-histogram[MaxRank]/m)
	for k := rankBits; k >= 1; k-- {
		z = 0.5 * (z + histogram[k])
	}
	z += m * sigma(histogram[0]/m)
	return math.Round(m * m / (2 * math.Ln2) / z)
}

// sigma is σ of that paper.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

// tau is τ of that paper.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}
