package glob

// Match reports whether a pattern matches a whole text.
func (p *Pattern) Match(s string) bool {
	_, ok := find(p, s, nil, false)
	return ok
}

// Find is Match for bytes. It appends to found what each * matches: as little as possible,
// from left to right, so that the last one matches the rest. If the pattern does not
// match, it returns found unchanged.
func (p *Pattern) Find(s []byte, found [][]byte) ([][]byte, bool) { return find(p, s, found, true) }

// find compares pattern and text from left to right. On a mismatch it goes back to the
// last star, and lets that match one more character. It never has to go back to an
// earlier star: if that one matched more, the tokens after it would have less text to
// match, or, with a separator, the same parts.
func find[T string | []byte](p *Pattern, s T, found []T, keep bool) ([]T, bool) {
	unchanged := len(found)
	t, i := 0, 0     // the next token, and the next byte of s
	back := -1       // the token after the last star
	from, to := 0, 0 // what that star matches
	for t < len(p.tokens) || i < len(s) {
		if t < len(p.tokens) {
			if p.tokens[t].kind == star {
				if keep && back >= 0 {
					found = append(found, s[from:to])
				}
				t++
				back, from, to = t, i, i
				continue
			}
			if n := size(p, &p.tokens[t], s[i:]); n >= 0 {
				t, i = t+1, i+n
				continue
			}
		}
		if back < 0 || to == len(s) {
			return found[:unchanged], false
		}
		r, n := char(s[to:])
		if r == p.separator {
			return found[:unchanged], false
		}
		to += n
		t, i = back, to
	}
	if keep && back >= 0 {
		found = append(found, s[from:to])
	}
	return found, true
}

// size returns how many bytes at the beginning of s a token other than a star matches; -1
// if it does not match.
func size[T string | []byte](p *Pattern, t *token, s T) int {
	if t.kind == literal {
		if len(s) >= len(t.literal) && string(s[:len(t.literal)]) == t.literal {
			return len(t.literal)
		}
		return -1
	}
	if len(s) == 0 {
		return -1
	}
	r, n := char(s)
	if r == p.separator || t.kind == set && !t.has(r) {
		return -1
	}
	return n
}
