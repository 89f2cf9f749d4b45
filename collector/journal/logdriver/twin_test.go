package logdriver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

// Lines of several containers in both forms, their pieces interleaved at random, come
// out as they were cut, forward and backward.
func TestRandomLines(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var m maker
		type writer struct {
			container byte
			stderr    bool
			rest      []string // pieces of the line
			line      string
			ordinal   int
			n         int
		}
		var writers []*writer
		for i := range 6 {
			writers = append(writers, &writer{container: byte('a' + i/2), stderr: i%2 == 1})
		}
		var want []string
		for len(want) < 300 || slices.ContainsFunc(writers, func(w *writer) bool { return len(w.rest) > 0 }) {
			w := writers[rnd.IntN(len(writers))]
			if len(w.rest) == 0 && len(want) >= 300 {
				continue
			}
			if len(w.rest) == 0 {
				w.n++
				w.ordinal = 0
				size := conmonPiece
				if w.container != 'c' {
					size = dockerPiece
				}
				for range rnd.IntN(3) {
					w.rest = append(w.rest, strings.Repeat("x", size))
				}
				w.rest = append(w.rest, fmt.Sprint("line ", w.n))
				w.line = strings.Join(w.rest, "")
			}
			text, last, cut := w.rest[0], len(w.rest) == 1, len(w.rest) > 1 || w.ordinal > 0
			w.rest = w.rest[1:]
			w.ordinal++
			var mark []string
			if !last {
				mark = []string{fieldPartial, "true"}
			}
			var e *entry.Entry
			switch {
			case w.container == 'a' && cut:
				e = m.piece('a', w.stderr, text, fmt.Sprint(w.stderr, w.n), w.ordinal, last)
			case w.container == 'c':
				if last {
					text += "\n"
				}
				e = m.podman('c', w.stderr, text, mark...)
			default:
				e = m.docker(w.container, w.stderr, text, mark...)
			}
			if last {
				c := e.Clone()
				for i := range c.Fields {
					if c.Fields[i].Name == fieldMessage {
						c.Fields[i].Value = []byte(w.line)
					}
				}
				c.Fields = slices.DeleteFunc(c.Fields, isMark)
				want = append(want, show(entry.Record{Entry: c}))
			}
		}
		m.check(t, want...)
	}
}

// Whatever the entries are, no byte of a message is lost or shown twice.
func FuzzJoin(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{255, 254, 253, 8, 8, 8, 40, 41, 42})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m maker
		var j Joiner
		in, out := 0, 0
		count := func(records []entry.Record) {
			for _, r := range records {
				if r.Entry != nil {
					v, _ := r.Entry.Get(fieldMessage)
					out += len(v)
				}
			}
		}
		for i, c := range b[:min(len(b), 2000)] {
			text := strings.Repeat("t", []int{0, 5, dockerPiece - 1, dockerPiece}[c&3])
			in += len(text)
			var e *entry.Entry
			switch container := 'a' + c>>2&1; c >> 3 & 7 {
			case 0, 1:
				e = m.docker(container, c&128 != 0, text)
			case 2, 3:
				e = m.docker(container, c&128 != 0, text, fieldPartial, "true")
			case 4, 5, 6:
				e = m.piece(container, c&128 != 0, text, fmt.Sprint(c>>5), i%4, c&64 != 0)
			default:
				m.n += 3000
				e = m.podman(container, c&128 != 0, text, fieldOrdinal, "-1")
			}
			count(j.Add(e))
		}
		count(j.Flush())
		if in != out || j.bytes != 0 || j.lines != 0 {
			t.Fatalf("%d bytes in, %d out, %d kept", in, out, j.bytes)
		}
	})
}
