package glob

import (
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	check := func(pattern, s string, want bool) {
		t.Helper()
		p := Compile(pattern)
		if got := p.Match(s); got != want {
			t.Errorf("%q matches %q: %v", pattern, s, got)
		}
		if got := twin(pattern, s, -1); got != want {
			t.Errorf("by the slow twin %q matches %q: %v", pattern, s, got)
		}
	}
	check("", "", true)
	check("", "a", false)
	check("*", "", true)
	check("*", "a/b.c\nd", true)
	check("a*", "ba", false)
	check("*a", "ba", true)
	check("a*b*c", "aXbYbZc", true)
	check("a*b*c", "aXbYbZ", false)
	check("**a**", "xax", true)
	check("?", "", false)
	check("?", "é", true)
	check("??", "é", false)
	check("?", "\xff", true)
	check("??", "\xff\xfe", true)
	check("Web", "web", false)

	check("[a-c]x", "bx", true)
	check("[a-c]x", "dx", false)
	check("[!a-c]x", "dx", true)
	check("[!a-c]x", "x", false)
	check("[^a]", "^", true)
	check("[^a]", "b", false)
	check("[]a]", "]", true)
	check("[!]a]", "]", false)
	check("[a-]", "-", true)
	check("[-a]", "-", true)
	check("[a-c-e]", "-", true)
	check("[a-c-e]", "d", false)
	check("[c-a]", "b", false)
	check("[!c-a]", "b", true)
	check("[à-é]", "è", true)
	check("[\xf0-\xff]", "\xf5", true)
	check("[\xff]", "\xff", true)
	check("[\xff]", "ÿ", false)
	check("[é]", "é", true)

	check("[*]", "*", true)
	check("[*]", "a", false)
	check("[?]x", "?x", true)
	check("[[]a", "[a", true)
	check("[a", "[a", true)
	check("[", "[", true)
	check("[]", "[]", true)
	check("[!]", "[!]", true)
	check("a[b*", "a[bcd", true)
	check(`a\*`, `a\x`, true)
	check(`system-serial\x2dgetty.slice`, `system-serial\x2dgetty.slice`, true)
}

func TestFind(t *testing.T) {
	check := func(pattern, s, want string) { // want: what each star stands for, or "no"
		t.Helper()
		p := CompileParts(pattern, '.')
		before := [][]byte{[]byte("kept")}
		found, ok := p.Find([]byte(s), before)
		got := "no"
		if ok {
			got = string(slices.Concat(slices.Collect(func(yield func([]byte) bool) {
				for i, f := range found[1:] {
					if i > 0 {
						yield([]byte(" "))
					}
					yield(f)
				}
			})...))
		}
		if got != want || string(found[0]) != "kept" || !ok && len(found) != 1 {
			t.Errorf("%q in %q: %q, want %q", pattern, s, got, want)
		}
		if ok && len(found)-1 != p.Stars() {
			t.Errorf("%q has %d stars, %d are found", pattern, p.Stars(), len(found)-1)
		}
	}
	check("api.*.*.time", "api.get.users.time", "get users")
	check("api.*.*.time", "api.get.users.x.time", "no")
	check("api.*", "api.", "")
	check("api.*", "api", "no")
	check("a.*", "a.b.c", "no")
	check("*", "a.b", "no")
	check("a?b", "a.b", "no")
	check("a[!x]b", "a.b", "no")
	check("a[.]b", "a.b", "")
	check("a[.x]b", "a.b", "no")
	check("pre*fix.x*y", "preABfix.x12y", "AB 12")
	check("a*b*c", "aXbYbZc", "X YbZ")
	check("*a*.b*", "xaya.bc", "x ya c")
	check("*.*", "..", "no")
	check("**", "ab", " ab")
}

func TestText(t *testing.T) {
	for pattern, want := range map[string]string{"": "", "web": "web", "[*]x[?]": "*x?", "[a": "[a", `a\b`: `a\b`} {
		if p := Compile(pattern); func() string { s, _ := p.Text(); return s }() != want {
			t.Errorf("%q: want the text %q", pattern, want)
		}
	}
	for _, pattern := range []string{"*", "a?", "[ab]", "[!a]", "[b-a]"} {
		p := Compile(pattern)
		if s, ok := p.Text(); ok {
			t.Errorf("%q is no text, got %q", pattern, s)
		}
	}
}

// A quoted text matches itself only, whatever it contains.
func TestQuote(t *testing.T) {
	for _, s := range []string{"", "web", "*", "a?b", "[a-z]", "[", "]", "[]]", "[!x]", "[*]", `a\*`, "\xff*", "**"} {
		p := Compile(Quote(s))
		if text, ok := p.Text(); !ok || text != s || !p.Match(s) || p.Match(s+"x") {
			t.Errorf("%q is quoted as %q, which is %q", s, Quote(s), text)
		}
	}
}

func TestPrefix(t *testing.T) {
	for pattern, want := range map[string]string{
		"": "", "web": "web", "web*": "web", "w[e]b?": "web", "*": "", "?web": "", "[ab]c": "", "[*]x*": "*x",
	} {
		if p := Compile(pattern); p.Prefix() != want {
			t.Errorf("%q begins with %q, want %q", pattern, p.Prefix(), want)
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	p := CompileParts("api.*.us[a-z]rs.*?", '.')
	s := "api.get.users.time"
	b, found := []byte(s), make([][]byte, 0, 4)
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := p.Find(b, found); !ok || !p.Match(s) {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTimeIsBounded(t *testing.T) {
	p := Compile(strings.Repeat("*a", 2000) + "b")
	if p.Match(strings.Repeat("a", 20000)) {
		t.Error("matches")
	}
}
