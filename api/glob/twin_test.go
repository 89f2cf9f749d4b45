package glob

import (
	"testing"
	"unicode/utf8"
)

// twin matches by trying all that a star may take, on characters, straight from the
// pattern's text.
func twin(pattern, s string, separator rune) bool {
	return twinChars(chars(pattern), chars(s), separator)
}

func chars(s string) (out []rune) {
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = invalid + rune(s[0])
		}
		out, s = append(out, r), s[n:]
	}
	return out
}

func twinChars(p, s []rune, separator rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	switch p[0] {
	case '*':
		for n := 0; ; n++ {
			if twinChars(p[1:], s[n:], separator) {
				return true
			}
			if n == len(s) || s[n] == separator {
				return false
			}
		}
	case '?':
		return len(s) > 0 && s[0] != separator && twinChars(p[1:], s[1:], separator)
	case '[':
		if size := twinSet(p); size > 0 {
			members, in := p[1:size-1], true
			if members[0] == '!' && len(members) > 1 {
				members, in = members[1:], false
			}
			quoted := in && (len(members) == 1 || len(members) == 3 && members[1] == '-' && members[0] == members[2])
			return len(s) > 0 && (s[0] != separator || quoted) && twinHas(members, s[0]) == in &&
				twinChars(p[size:], s[1:], separator)
		}
	}
	return len(s) > 0 && s[0] == p[0] && twinChars(p[1:], s[1:], separator)
}

// twinSet is the size of a set, 0 if it is none.
func twinSet(p []rune) int {
	i := 1
	if i < len(p) && p[i] == '!' {
		i++
	}
	for first := i; i < len(p); i++ {
		if p[i] == ']' && i > first {
			return i + 1
		}
	}
	return 0
}

func twinHas(members []rune, r rune) bool {
	for i := 0; i < len(members); i++ {
		if i+2 < len(members) && members[i+1] == '-' {
			if members[i] <= r && r <= members[i+2] {
				return true
			}
			i += 2
		} else if members[i] == r {
			return true
		}
	}
	return false
}

func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"a*b?[c-e]", "aXbYd"}, {"*.*", "a.b"}, {"[!a].[.]", "b.."}, {"[]-a]*[a", "^[a"},
		{"\xff*[\xff-\xfe]", "\xff\xfe"}, {"**a**b", "aab"}, {"[!!]", "!"}, {"[!]", "[!]"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 16 { // the twin's time is not bounded
			return
		}
		for _, separator := range []rune{-1, '.'} {
			p := CompileParts(pattern, separator)
			want := twin(pattern, s, separator)
			found, got := p.Find([]byte(s), nil)
			if got != want || separator < 0 && p.Match(s) != want {
				t.Fatalf("%q matches %q (separator %q): %v, want %v", pattern, s, separator, got, want)
			}
			if got && len(found) != p.Stars() {
				t.Fatalf("%q: %d stars, %d found in %q", pattern, p.Stars(), len(found), s)
			}
			if text, ok := p.Text(); ok && got != (s == text) {
				t.Fatalf("%q stands for %q, and matches %q: %v", pattern, text, s, got)
			}
		}
	})
}
