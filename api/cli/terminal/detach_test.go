package terminal

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseKeys(t *testing.T) {
	for s, want := range map[string]string{"": "", "ctrl-p,ctrl-q": "\x10\x11", "ctrl-],d": "\x1dd", "Ctrl-A": "\x01",
		"ctrl-@": "\x00", "ctrl-_": "\x1f"} {
		if got, err := ParseKeys(s); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{",", "ctrl-", "ctrl-pp", "ab", "ctrl-1", "ü", "ctrl-p,"} {
		if got, err := ParseKeys(s); err == nil {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func TestReader(t *testing.T) {
	for _, c := range []struct {
		keys, in, want string
		detached       bool
	}{
		{"", "a\x10\x11b", "a\x10\x11b", false},
		{"\x10\x11", "ls\n", "ls\n", false},
		{"\x10\x11", "a\x10\x11b", "a", true},
		{"\x10\x11", "\x10\x10\x11", "\x10", true},
		{"\x10\x11", "\x10a\x11", "\x10a\x11", false},
		{"\x10\x11", "a\x10", "a\x10", false}, // the end of input
		{"aab", "aaab", "a", true},
		{"aab", "aacaab", "aac", true},
		{"abab", "ababab", "", true},
		{"abac", "ababac", "ab", true},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(c.in),
			"by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
			keys := []byte(c.keys)
			if len(keys) == 0 {
				keys = nil
			}
			got, err := io.ReadAll(NewReader(r, keys))
			if string(got) != c.want || errors.Is(err, ErrDetach) != c.detached || err != nil && !c.detached {
				t.Errorf("%q of %q %s: %q, %v; want %q, detached %v", c.keys, c.in, name, got, err, c.want, c.detached)
			}
		}
	}
}
