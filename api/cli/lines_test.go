package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// Outputs that share a destination never mix within a line, in whatever pieces they come.
func TestLineWriter(t *testing.T) {
	var out bytes.Buffer
	var shared sync.Mutex
	var work sync.WaitGroup
	for i := range 8 {
		l := &lineWriter{w: &out, shared: &shared, format: func(dst, line []byte, whole bool) []byte {
			return fmt.Appendf(dst, "%d %v %s\n", i, whole, line)
		}}
		work.Go(func() {
			var text strings.Builder
			for n := range 2000 {
				fmt.Fprintf(&text, "line %d\n", n)
			}
			text.WriteString("the rest")
			for rest := text.String(); rest != ""; {
				n := min(1+rand.IntN(30), len(rest))
				if _, err := l.Write([]byte(rest[:n])); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	next := map[int]int{}
	for line := range strings.Lines(out.String()) {
		var i int
		var whole bool
		var text string
		if _, err := fmt.Sscanf(line, "%d %t ", &i, &whole); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		text = strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)[2]
		want := fmt.Sprint("line ", next[i])
		if next[i] == 2000 {
			want = "the rest"
		}
		if text != want || whole != (next[i] < 2000) {
			t.Fatalf("%q, want %q", line, want)
		}
		next[i]++
	}
	for i := range 8 {
		if next[i] != 2001 {
			t.Errorf("%d lines of %d", next[i], i)
		}
	}
}

// A line without an end does not grow without an end.
func TestLineWriterBound(t *testing.T) {
	var out bytes.Buffer
	l := &lineWriter{w: &out, shared: new(sync.Mutex), format: func(dst, line []byte, whole bool) []byte {
		if whole {
			t.Error("a piece is taken for a line")
		}
		return append(dst, line...)
	}}
	piece := bytes.Repeat([]byte("x"), 10_000)
	for range 100 {
		if _, err := l.Write(piece); err != nil {
			t.Fatal(err)
		}
		if len(l.rest) >= maxLine {
			t.Fatalf("%d bytes are kept", len(l.rest))
		}
	}
	if err := l.Close(); err != nil || out.Len() != 1_000_000 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}
