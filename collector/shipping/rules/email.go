package rules

import "bytes"

// emailFinder finds e-mail addresses: LOCAL@DOMAIN, where DOMAIN has at least two labels
// of letters, digits and "-", and the last one begins with a letter. Quoted local parts and
// addresses in brackets (RFC 5321) are not found.
type emailFinder struct{}

func (emailFinder) possible(v []byte) bool { return bytes.IndexByte(v, '@') >= 0 }

func (emailFinder) find(v []byte, found []span) []span {
	for at, from := 0, 0; ; {
		i := bytes.IndexByte(v[from:], '@')
		if i < 0 {
			return found
		}
		i += from
		from = i + 1
		start := i
		for start > at && isLocal(v[start-1]) {
			start--
		}
		if end := domainEnd(v, i+1); end > 0 && start < i {
			found = append(found, span{start: start, end: end})
			at, from = end, end
		}
	}
}

// domainEnd returns the end of the longest domain at a place, 0 if there is none.
func domainEnd(v []byte, at int) (end int) {
	for label := 0; ; label++ {
		from := at
		for at < len(v) && isLabel(v[at]) {
			at++
		}
		if at == from {
			return end
		}
		if label > 0 && isLetter(v[from]) {
			end = at
		}
		if at == len(v) || v[at] != '.' {
			return end
		}
		at++
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLabel(c byte) bool  { return isLetter(c) || isDigit(c) || c == '-' }

func isLocal(c byte) bool {
	return isLabel(c) || c == '.' || c == '_' || c == '%' || c == '+'
}
