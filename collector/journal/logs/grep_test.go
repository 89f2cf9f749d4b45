package logs

import (
	"regexp"
	"testing"
)

// A search by literal finds what the regular expression does.
func FuzzGrep(f *testing.F) {
	for _, s := range []string{"", "a", "error: (no|bad) file", "^x+y", "(?i)Abc", "(ab|cd)ef", "a{2,3}b",
		"\xff", "[ab]c"} {
		for _, m := range []string{"", "aaab", "error: no file", "ABCEF abef xxy \xff", "é"} {
			f.Add(s, []byte(m))
		}
	}
	f.Fuzz(func(t *testing.T, pattern string, message []byte) {
		re, err := regexp.Compile(pattern)
		g, gotErr := newGrep(pattern)
		if (err == nil) != (gotErr == nil) {
			t.Fatal(err, gotErr)
		}
		if err == nil && g.match(message) != re.Match(message) {
			t.Errorf("%q in %q: %v by its literal %q", pattern, message, g.match(message), g.literal)
		}
	})
}
