package rules

// cardFinder finds the numbers of payment cards: 13 to 19 digits that begin with 2 to 6
// (ISO/IEC 7812 for banking), in groups divided by single spaces or dashes or in one, with
// a valid check digit. A number within a longer group of digits is none.
type cardFinder struct{}

const (
	minCard = 13
	maxCard = 19
)

func (cardFinder) possible(v []byte) bool {
	for i, n := 0, 0; i < len(v); i++ {
		switch c := v[i]; {
		case isDigit(c):
			if n++; n == minCard {
				return true
			}
		case (c == ' ' || c == '-') && i > 0 && isDigit(v[i-1]):
		default:
			n = 0
		}
	}
	return false
}

func (cardFinder) find(v []byte, found []span) []span {
	for i := 0; i < len(v); i++ {
		if v[i] < '2' || v[i] > '6' || i > 0 && isDigit(v[i-1]) {
			continue
		}
		if end := cardEnd(v, i); end > 0 {
			found = append(found, span{start: i, end: end})
			i = end - 1
		}
	}
	return found
}

// cardEnd returns the end of the longest card number that begins at a place, 0 if there
// is none.
func cardEnd(v []byte, at int) (end int) {
	var digits [maxCard]byte
	n := 0
	for i := at; i < len(v); i++ {
		c := v[i]
		if !isDigit(c) {
			if c != ' ' && c != '-' || i+1 == len(v) || !isDigit(v[i+1]) || !isDigit(v[i-1]) {
				break
			}
			continue
		}
		if n == maxCard {
			break
		}
		digits[n] = c - '0'
		n++
		if whole := i+1 == len(v) || !isDigit(v[i+1]); whole && n >= minCard && luhn(digits[:n]) {
			end = i + 1
		}
	}
	return end
}

// luhn reports whether the last digit is the right check digit (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
