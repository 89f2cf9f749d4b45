package line

import "math/bits"

// finite reports whether strconv.ParseFloat would parse b without an error, which it
// would allocate. The grammar is that of Go's floating-point literals. Values that would
// be rounded to infinity are excluded.
func finite(b []byte) bool {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	var n scan
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		n.hex, n.last = true, digit // the prefix counts as a digit
		b = b[2:]
	}
	i := n.mantissa(b)
	if !n.digits {
		return false
	}
	exp, i, ok := n.exponent(b, i)
	return ok && i == len(b) && n.last != underscore && !n.overflows(exp)
}

// class is the class of a character. An underscore is only allowed between digits.
type class uint8

const (
	other class = iota
	digit
	underscore
)

// scan is the result of one pass over a mantissa.
type scan struct {
	hex    bool
	digits bool
	last   class
	point  int // the value is 0.d1d2… times the base to this power, where d1 is not 0
	n      int // number of digits from d1 on

	top     uint64 // the first 16 digits, if hexadecimal
	against int8   // how the first 309 digits compare with limit, if decimal: -1, 0, 1
}

// limit is the smallest decimal that is rounded to infinity: 2^1024 - 2^970, which has
// 309 digits.
const limit = "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070" +
	"96330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855" +
	"571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792"

// mantissa reads digits, underscores and one point. It returns the index of the end.
func (n *scan) mantissa(b []byte) (i int) {
	dot := false
	for ; i < len(b); i++ {
		c := b[i]
		v := c - '0'
		if n.hex && v > 9 {
			if v = c | 0x20 - 'a' + 10; c|0x20 < 'a' || c|0x20 > 'f' {
				v = 99
			}
		}
		switch {
		case c == '_':
			if n.last != digit {
				n.digits = false
				return i
			}
			n.last = underscore
			continue
		case c == '.' && !dot && n.last != underscore:
			dot, n.last = true, other
			n.point = n.n
			continue
		case v > 15 || v > 9 && !n.hex:
			if !dot {
				n.point = n.n
			}
			return i
		}
		n.digits, n.last = true, digit
		if v == 0 && n.n == 0 {
			n.point-- // counts only after the point
			continue
		}
		switch {
		case n.hex && n.n < 16:
			n.top |= uint64(v) << (60 - 4*n.n)
		case !n.hex && n.n < len(limit) && n.against == 0:
			if l := limit[n.n] - '0'; v < l {
				n.against = -1
			} else if v > l {
				n.against = 1
			}
		}
		n.n++
	}
	if !dot {
		n.point = n.n
	}
	return i
}

// exponent reads the exponent, which is optional after decimal digits and required after
// hexadecimal ones.
func (n *scan) exponent(b []byte, i int) (exp, end int, ok bool) {
	char := byte('e')
	if n.hex {
		char = 'p'
	}
	if i == len(b) || b[i]|0x20 != char {
		return 0, i, !n.hex
	}
	if n.last == underscore {
		return 0, i, false
	}
	i++
	neg := false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		neg = b[i] == '-'
		i++
	}
	if i == len(b) || b[i]-'0' > 9 {
		return 0, i, false
	}
	for n.last = other; i < len(b); i++ {
		switch c := b[i]; {
		case c == '_' && n.last == digit:
			n.last = underscore
		case c-'0' > 9:
			return 0, i, false
		default:
			if n.last = digit; exp < 10_000 { // strconv ignores further digits too
				exp = exp*10 + int(c-'0')
			}
		}
	}
	if neg {
		exp = -exp
	}
	return exp, i, true
}

// overflows reports whether the number would be rounded to infinity.
func (n *scan) overflows(exp int) bool {
	if n.n == 0 {
		return false // the value is 0
	}
	if !n.hex {
		at := n.point + exp
		// At the limit's magnitude, equal digits reach the limit only if all of its
		// digits are there.
		return at > len(limit) || at == len(limit) && (n.against > 0 || n.against == 0 && n.n >= len(limit))
	}
	lead := bits.LeadingZeros64(n.top)
	const most = 1023 // exponent of the first bit of the greatest number
	at := 4*n.point + exp - 1 - lead
	return at > most || at == most && n.top<<lead>>10 == 1<<54-1
}
