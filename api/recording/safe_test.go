package recording

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What draws passes, and what reaches beyond the screen does not, wherever it is cut.
func TestSafe(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"plain ü 日本\r\n\ttab\bx\a", "plain ü 日本\r\n\ttab\bx\a"},
		{"\x1b[1;31mred\x1b[0m\x1b[38:5:8m", "\x1b[1;31mred\x1b[0m\x1b[38:5:8m"},
		{"\x1b[2J\x1b[10;20H\x1b[?25l\x1b[?1049h\x1b7\x1b8\x1b(0\x1b[5 q",
			"\x1b[2J\x1b[10;20H\x1b[?25l\x1b[?1049h\x1b7\x1b8\x1b(0\x1b[5 q"},
		{"a\x1b]52;c;ZXZpbA==\ab", "ab"},     // the clipboard
		{"a\x1b]52;c;ZXZpbA==\x1b\\b", "ab"}, // likewise
		{"a\x1b]0;title\ab", "ab"},           // the title
		{"a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "alink"},
		{"a\u009d52;c;eA==\u009cb", "ab"}, // with C1 characters
		{"a\x1bP$qm\x1b\\b", "ab"},        // a query (DECRQSS), which is answered
		{"a\x1bP+q544e\x1b\\b", "ab"},     // XTGETTCAP
		{"a\x1b_Gi=1;AAAA\x1b\\b", "ab"},  // an image
		{"a\x1b[c\x1b[>c\x1b[6n\x1b[5n\x1b[21t\x1b[x\x1b[>q\x1b[?2026$pb", "ab"},
		{"a\x05b", "ab"},                                      // ENQ
		{"a\x1b[5ib\x1b[4ic", "abc"},                          // a printer
		{"a\x1b[?1000h\x1b[?1004h\x1b[?2004h\x1b[>1ub", "ab"}, // mouse, focus, paste, keyboard
		{"a\x1b[8;1;1tb", "ab"},                               // the window's size
		{"a\x1b[99999999Cb", "ab"},
		{"a\x1b[1;2", "a"},
		{"a\x1b[1\x182b", "a2b"},                   // CAN
		{"a\x1b]0;never ended\nshown", "a\nshown"}, // it must not hide what follows
		{"a\x1b\x1b[1mb", "a\x1b[1mb"},
		{"a\u009b31mb", "a\x1b[31mb"},
		{"a\xff\x7fb", "a\uFFFDb"},
	} {
		for cut := 0; cut <= len(c.in); cut++ {
			var b bytes.Buffer
			w := NewSafeWriter(&b)
			w.Write([]byte(c.in[:cut]))
			w.Write([]byte(c.in[cut:]))
			if b.String() != c.out {
				t.Errorf("%q cut at %d: %q, want %q", c.in, cut, b.String(), c.out)
				break
			}
		}
	}
	s := NewSafe()
	s.Filter("\x1bP" + strings.Repeat("x", maxString))
	if got := s.Filter("xyz"); !strings.HasSuffix(string(got), "z") || s.LeftOut() != 1 {
		t.Errorf("a string without an end hides %q, %d", got, s.LeftOut())
	}
}

func FuzzSafe(f *testing.F) {
	f.Add("a\x1b]52;c;x\ab\x1b[6n", 5)
	f.Fuzz(func(t *testing.T, in string, cut int) {
		one, two := NewSafe(), NewSafe()
		valid := strings.ToValidUTF8(in, "\uFFFD")
		whole := string(one.Filter(valid))
		at := min(max(cut, 0), len(valid))
		for at > 0 && at < len(valid) && !utf8.RuneStart(valid[at]) {
			at--
		}
		parts := string(two.Filter(valid[:at]))
		if parts += string(two.Filter(valid[at:])); parts != whole {
			t.Fatalf("%q cut at %d: %q, want %q", valid, at, parts, whole)
		}
		for _, bad := range []string{"\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x05", "\u009d"} {
			if strings.Contains(whole, bad) {
				t.Fatalf("%q passes as %q", in, whole)
			}
		}
	})
}

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"one\r\ntwo", "one|two"}, {"\x1b[31mr\x1b[0med\x1b]0;t\a line\n", "red line"},
		{"ls -x\b \by\r\n", "ls -y"}, {"10%\r20%\n", "10%|20%"}, {"\x1b[2J\x1b[3;1Hab\x1b[4;1Hcd", "ab|cd"},
		{strings.Repeat("é", maxTextLine), strings.Repeat("é", maxTextLine/2) + "|" + strings.Repeat("é", maxTextLine/2)},
	} {
		var lines []string
		x := NewText(func(_ time.Duration, line string) { lines = append(lines, line) })
		x.Write(0, c.in)
		x.End()
		if got := strings.Join(lines, "|"); got != c.want {
			t.Errorf("%.40q: %.80q, want %.80q", c.in, got, c.want)
		}
	}
}
