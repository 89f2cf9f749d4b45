package host

import (
	"bytes"
	"math"

	"github.com/daytwo/daytwo/api/metric"
)

// nextLine returns the first line of b without its newline, and the rest of b.
func nextLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// nextField returns the first field of b, and the rest of b. Fields are separated by
// spaces and tabs. The field is empty at the end of b.
func nextField(b []byte) (field, rest []byte) {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	j := i
	for j < len(b) && b[j] != ' ' && b[j] != '\t' {
		j++
	}
	return b[i:j], b[j:]
}

// parseInt parses b as a decimal integer. ok is false if b is anything else, or does
// not fit.
func parseInt(b []byte) (v int64, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		d := int64(c - '0')
		if c < '0' || c > '9' || v > (math.MaxInt64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	if neg {
		v = -v
	}
	return v, true
}

// parseHex parses b as a hexadecimal integer of at most 32 bits, in lower case. ok is
// false if b is anything else.
func parseHex(b []byte) (v int64, ok bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | int64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | int64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// scaled parses b as a non-negative decimal integer, and returns its product with mul.
// It returns metric.Absent if b is invalid or the product does not fit. The largest
// int64, to which systemd sets fs.file-max, is metric.Unlimited.
func scaled(b []byte, mul int64) int64 {
	v, ok := parseInt(b)
	if !ok || v < 0 || v > math.MaxInt64/mul {
		return metric.Absent
	}
	return v * mul
}

// fixed parses b as a non-negative decimal fraction, and returns it multiplied by 10 to
// the power of places, without further digits. It returns metric.Absent if b is
// invalid or does not fit.
func fixed(b []byte, places int) int64 {
	whole, frac, _ := bytes.Cut(b, dot)
	v, ok := parseInt(whole)
	if !ok || v < 0 {
		return metric.Absent
	}
	for i := range places {
		d := int64(0)
		if i < len(frac) {
			if frac[i] < '0' || frac[i] > '9' {
				return metric.Absent
			}
			d = int64(frac[i] - '0')
		}
		if v > (math.MaxInt64-1-d)/10 {
			return metric.Absent
		}
		v = v*10 + d
	}
	return v
}

var dot = []byte{'.'}

// unwrap continues a counter that the kernel prints modulo 2^32. raw is the printed
// value, and last is the previous result, in the same unit. If raw is lower than
// expected by at most half the range, the counter was reset, and unwrap returns raw.
func unwrap(last, raw int64) int64 {
	if last < 0 || raw < 0 || raw > math.MaxUint32 {
		return raw
	}
	low := last & math.MaxUint32
	v := last - low + raw
	if raw < low {
		if low-raw <= 1<<31 {
			return raw
		}
		v += 1 << 32
	}
	return v
}
