package logdriver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

// plain joins all entries at once, as the documentation of the package has it.
func plain(all []made) (got []record) {
	type stream struct {
		key    string
		places []int
	}
	var streams []*stream
	lines := map[int]record{} // by the place of the last piece
	pieces := make([]Piece, len(all))
	for i, e := range all {
		p := &pieces[i]
		p.Read(e.fields)
		key := string(p.AppendStream(nil))
		if p.message < 0 || len(p.container) == 0 {
			lines[i] = record{made: e}
			continue
		}
		k := slices.IndexFunc(streams, func(s *stream) bool { return s.key == key })
		if k < 0 {
			k = len(streams)
			streams = append(streams, &stream{key: key})
		}
		streams[k].places = append(streams[k].places, i)
	}
	for _, s := range streams {
		text, n, begun, lost := "", 0, true, (*LostError)(nil)
		for k, i := range s.places {
			p := &pieces[i]
			text += strings.TrimSuffix(string(all[i].fields[p.message].Value),
				map[bool]string{true: "\n", false: "none"}[p.driver == &conmon && p.last && !p.Whole()])
			n++
			goes, parted := false, false
			if k+1 < len(s.places) {
				next := s.places[k+1]
				q := &pieces[next]
				goes = p.sameLine(q) && InTime(&all[i].at, &all[next].at)
				many := n
				if p.form == withID {
					many = p.ordinal
				}
				parted = goes && (p.size > p.driver.piece || q.size > p.driver.piece ||
					many >= p.driver.from && all[i].at.Seqnum>>p.driver.shift != all[next].at.Seqnum>>p.driver.shift)
				if parted && (p.size > p.driver.piece || q.size > p.driver.piece) {
					n = 0
				}
				if goes && !parted && p.form == withID && q.ordinal != p.ordinal+1 {
					lost = &LostError{}
				}
			}
			if p.form == withID && text == string(all[i].fields[p.message].Value) && p.ordinal > 1 && begun {
				begun = false // unless the piece before was shown
				if k == 0 || !pieces[s.places[k-1]].sameID(p) || pieces[s.places[k-1]].ordinal != p.ordinal-1 {
					lost = &LostError{Beginning: true}
				}
			}
			if goes && !parted {
				continue
			}
			e := made{all[i].at, slices.Clone(all[i].fields)}
			e.fields[p.message].Value = []byte(text)
			if p.Marked() || p.form == candidate {
				e.fields = slices.DeleteFunc(e.fields, isMark)
				if !p.last && !p.short || !begun || lost != nil {
					e.fields = append(e.fields, entry.Field{Name: FieldPartial, Value: yes})
				}
			}
			lines[i] = record{e, lost}
			text, begun, lost = "", !parted, nil
			if !goes {
				n = 0
			}
		}
	}
	for i := range all {
		if r, ok := lines[i]; ok {
			got = append(got, r)
		}
	}
	return got
}

// random makes entries of several containers in all forms, interleaved; some pieces are
// missing, late, or of lines without an end.
func random(seed uint64, n int) *maker {
	rnd := rand.New(rand.NewPCG(seed, 3))
	var m maker
	type writer struct {
		container byte
		stderr    bool
		rest      int // pieces of the line
		line      string
		ordinal   int
	}
	var writers []*writer
	for i := range 8 {
		writers = append(writers, &writer{container: byte('a' + i/2), stderr: i%2 == 1})
	}
	for i := 0; len(m.all) < n; i++ {
		w := writers[rnd.IntN(len(writers))]
		if w.rest == 0 {
			w.rest, w.ordinal, w.line = 1+rnd.IntN(3), 0, fmt.Sprint("x", i)
			if rnd.IntN(10) == 0 {
				w.rest += rnd.IntN(30)
			}
		}
		if w.rest--; w.rest > 0 && rnd.IntN(40) == 0 {
			w.rest = 0
		}
		w.ordinal++
		switch last := w.rest == 0; {
		case rnd.IntN(30) == 0: // it gets lost
		case w.container == 'a' && (!last || w.ordinal > 1):
			m.piece('a', w.stderr, []string{fmt.Sprint("t", i), full16}[rnd.IntN(2)], w.line, w.ordinal, last)
		case w.container == 'b' && !last:
			m.docker('b', w.stderr, full16, FieldPartial, "true")
		case w.container == 'c' && !last:
			m.podman('c', w.stderr, full8, FieldPartial, "true")
		case w.container == 'c':
			m.podman('c', w.stderr, fmt.Sprint("t", i, "\n"))
		case w.container == 'd' && (!last || w.ordinal > 1):
			mark := marks(w.line, w.ordinal, last)
			if !last && rnd.IntN(5) == 0 {
				mark = append(mark, fieldBreak, "idle")
			}
			m.logPipe('d', w.stderr, strings.Repeat("l", 1+rnd.IntN(2)*rnd.IntN(100_000)), mark...)
		case w.container == 'd':
			m.logPipe('d', w.stderr, fmt.Sprint("t", i))
		default:
			m.docker(w.container, w.stderr, fmt.Sprint("t", i))
		}
		switch {
		case rnd.IntN(50) == 0:
			m.n += 1000 + rnd.IntN(2000)
		case rnd.IntN(5) == 0:
			m.add("MESSAGE", "of the host")
		}
	}
	return &m
}

// Lines of several containers in all forms come out as the plain twin has them, forward and
// backward, also in parts.
func TestRandomLines(t *testing.T) {
	for _, from := range []int{0, 3} {
		if from > 0 {
			for _, d := range []*driver{&docker, &conmon, &logPipe} {
				before := *d
				d.from, d.shift = from, 2
				defer func() { *d = before }()
			}
		}
		lines, partial, lost := 0, 0, 0
		for seed := range uint64(40) {
			m := random(seed, 500)
			want := shows(plain(m.all))
			for _, back := range []bool{false, true} {
				got := shows(m.read(t, back))
				for i := range max(len(got), len(want)) {
					if i >= len(got) || i >= len(want) || got[i] != want[i] {
						t.Fatalf("parts from %d, seed %d, back %v: differs at %d\n got %q\nwant %q", from, seed, back, i,
							got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
					}
				}
			}
			for _, s := range want {
				lines++
				if strings.Contains(s, " +") {
					partial++
				}
				if strings.Contains(s, "!") {
					lost++
				}
			}
		}
		if lines < 5000 || partial < 500 || lost < 80 {
			t.Errorf("only %d lines, %d partial, %d with missing pieces", lines, partial, lost)
		}
	}
}
