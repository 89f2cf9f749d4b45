package line

import (
	"math"
	"strconv"
	"unsafe"
)

// A number of up to 15 digits and these powers are exact in a float64, so one division
// rounds once and correctly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// number parses the number that starts at i and ends before ':', '|' or the end of b. It
// accepts Go's syntax, but only finite values.
func number(b []byte, i int) (v float64, end int, ok bool) {
	start := i
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	var m uint64
	first := i
	for i < len(b) && b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	digits := i - first
	fraction := 0
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for i < len(b) && b[i]-'0' <= 9 {
			m = m*10 + uint64(b[i]-'0')
			i++
		}
		fraction = i - point
		digits += fraction
	}
	if digits-1 > 14 || i < len(b) && b[i] != '|' && b[i] != ':' {
		return numberSlow(b, start)
	}
	if digits == 0 {
		return 0, i, false
	}
	v = float64(m)
	if fraction > 0 {
		v /= powers[fraction]
	}
	if neg {
		v = -v
	}
	return v, i, true
}

// numberSlow parses what number does not: many digits, exponents, other bases.
func numberSlow(b []byte, i int) (v float64, end int, ok bool) {
	end = i
	for end < len(b) && b[end] != '|' && b[end] != ':' {
		end++
	}
	v, ok = parseFloat(b[i:end])
	return v, end, ok
}

// parseFloat is strconv.ParseFloat for bytes, without infinities and NaN. It calls that
// only with input that does not cause an error.
func parseFloat(b []byte) (float64, bool) {
	if !finite(b) {
		return 0, false
	}
	v, err := strconv.ParseFloat(unsafe.String(&b[0], len(b)), 64)
	return v, err == nil
}

// digits parses the decimal digits at i. There may be none, or too many for an int64.
func digits(b []byte, i int) (v int64, end int) {
	for i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + int64(b[i]-'0')
		i++
	}
	return v, i
}

// integer parses a decimal integer that fills b, as strconv.ParseInt does.
func integer(b []byte) (v int64, ok bool) {
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		d := int64(c - '0')
		if c-'0' > 9 || v > (math.MaxInt64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	if neg {
		v = -v
	}
	return v, true
}
