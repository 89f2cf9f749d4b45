package logdriver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/journal"
)

func TestOldForm(t *testing.T) {
	var m maker
	m.docker('a', false, "before")
	m.docker('a', false, full16, FieldPartial, "true")
	m.docker('a', true, full16, FieldPartial, "true")
	m.docker('b', false, "other")
	m.docker('a', false, full16, FieldPartial, "true")
	m.docker('a', true, "err end")
	m.add("MESSAGE", "of no container")
	m.docker('a', false, "out end\r")
	m.docker('a', false, "after")
	m.check(
		t,
		"a6 c1 before",
		"b6 c4 other",
		"a3 c6 pppppppppp… end(16391)",
		" c7 of no container",
		"a6 c8 pppppppppp…end\r(32776)",
		"a6 c9 after",
	)
}

// Some versions of Docker flag the last piece, too, all at the end, and so does conmon, whose
// pieces are of any size.
func TestFlaggedLastPiece(t *testing.T) {
	var m maker
	m.docker('a', false, full16, FieldPartial, "true")
	m.docker('a', false, "end", FieldPartial, "true")
	m.docker('a', false, "next")
	m.docker('a', false, "alone", FieldPartial, "true")
	m.docker('a', false, "last")
	m.podman('d', false, full8, FieldPartial, "true", fieldPID, "7")
	m.podman('d', false, "end", FieldPartial, "true", fieldPID, "7")
	m.podman('d', false, "next\n", fieldPID, "8") // it runs again
	m.piece('e', false, "end", "x", 1, false)
	m.check(
		t,
		"a6 c2 pppppppppp…pend(16387)",
		"a6 c3 next",
		"a6 c4 alone",
		"a6 c5 last",
		"d6 c7 qqqqqqqqqq…qend(8195) +",
		"d6 c8 next",
		"e6 c9 end",
	)
}

func TestNewForm(t *testing.T) {
	var m maker
	m.piece('a', false, "1", "x", 1, false)
	m.piece('a', true, "A", "y", 1, false)
	m.piece('a', false, "2", "x", 2, false)
	m.piece('a', true, "B", "y", 2, true)
	m.piece('a', false, "3", "x", 3, true)
	m.docker('a', false, "4")
	m.piece('a', false, "5", "z", 1, true)
	m.logPipe('t', false, "6", marks("x", 1, false)...)
	m.logPipe('t', true, "whole")
	m.logPipe('t', false, "7", marks("x", 2, true)...)
	m.check(t, "a3 c4 AB", "a6 c5 123", "a6 c6 4", "a6 c7 5", "t4 c9 whole", "t4 c10 67")
}

func TestMissingPieces(t *testing.T) {
	var m maker
	m.piece('a', false, "2", "x", 2, false)
	m.piece('a', false, "3", "x", 3, true)
	m.piece('a', false, "1", "y", 1, false)
	m.piece('a', false, "3", "y", 3, true)
	m.piece('a', false, full16, "z", 1, false)
	m.docker('a', false, "whole")
	m.docker('b', false, full16, FieldPartial, "true")
	m.piece('b', false, "1", "w", 1, true)
	m.check(
		t,
		"a6 c2 23 + !!",
		"a6 c4 13 + !",
		"a6 c5 pppppppppp…pppp(16384) +",
		"a6 c6 whole",
		"b6 c7 pppppppppp…pppp(16384) +",
		"b6 c8 1",
	)
}

// A piece waits for the time limit. What follows it later is another line, and nothing is
// missing.
func TestTimeLimit(t *testing.T) {
	var m maker
	m.docker('a', false, full16, FieldPartial, "true")
	m.piece('b', false, full16, "x", 1, false)
	m.piece('d', false, "1", "y", 1, false)
	m.n += int(TimeLimit/time.Millisecond) - 1
	m.piece('d', false, "2", "y", 2, true) // just in time
	m.docker('a', false, "new line")
	m.piece('b', false, "2", "x", 2, true)
	m.check(
		t,
		"a6 c1 pppppppppp…pppp(16384) +",
		"b6 c2 pppppppppp…pppp(16384) +",
		"d6 c2003 12",
		"a6 c2004 new line",
		"b6 c2005 2 +",
	)
}

// log-pipe has waited itself.
func TestIdle(t *testing.T) {
	var m maker
	m.logPipe('t', false, "6", marks("x", 1, false)...)
	m.logPipe('t', false, "7", append(marks("x", 2, false), fieldBreak, "idle")...)
	m.logPipe('t', false, "8", marks("x", 3, true)...)
	m.check(t, "t4 c2 67 +", "t4 c3 8 +")
	var p Piece
	p.Read(m.all[1].fields)
	if v, err := NewJoiner(around(m.all[:2])).Judge(t.Context(), &p, &m.all[1].at); v != Ends || err != nil {
		t.Errorf("verdict %v, %v: a reader would wait", v, err)
	}
}

// A boot ends all lines.
func TestBoots(t *testing.T) {
	var m maker
	m.docker('a', false, full16, FieldPartial, "true")
	m.docker('a', false, "new line")
	m.all[1].at.Boot = journal.ID{3}
	m.check(t, "a6 c1 pppppppppp…pppp(16384) +", "a6 c2 new line")
}

// What was given away is not repeated.
func TestGive(t *testing.T) {
	for _, form := range []string{"old", "new"} {
		var m maker
		if form == "old" {
			m.docker('a', false, full16, FieldPartial, "true")
			m.docker('a', false, full16, FieldPartial, "true")
			m.docker('a', false, "end")
		} else {
			m.piece('a', false, full16, "x", 1, false)
			m.piece('a', false, full16, "x", 2, false)
			m.piece('a', false, "end", "x", 3, true)
		}
		j := NewJoiner(around(m.all))
		c := cursor(2)
		j.Give(&c)
		var p Piece
		p.Read(m.all[2].fields)
		fields, lost, err := j.Line(t.Context(), &p, &m.all[2].at, m.all[2].fields)
		if got := show(record{made{m.all[2].at, fields}, lost}); got != "a6 c3 end +" || err != nil {
			t.Errorf("%s: %s, %v", form, got, err)
		}
	}
}

// Lines that are too long for one entry come in parts with all bytes, in bounded memory, from
// either end.
func TestParts(t *testing.T) {
	for _, form := range []string{"docker", "podman", "ids", "log-pipe"} {
		t.Run(form, func(t *testing.T) {
			var m maker
			const size = 30 << 20
			piece := map[string]int{"docker": docker.piece, "podman": 8 << 10, "ids": docker.piece, "log-pipe": 64 << 10}[form]
			text := strings.Repeat("m", piece)
			m.n = 50
			for i := range size / piece {
				last := i == size/piece-1
				var mark []string
				if !last {
					mark = []string{FieldPartial, "true"}
				}
				switch form {
				case "docker":
					m.docker('a', false, text, mark...)
				case "podman":
					m.podman('a', false, text, mark...)
				case "ids":
					m.piece('a', false, text, "x", i+1, last)
				case "log-pipe":
					m.logPipe('a', false, text, marks("x", i+1, last)...)
				}
				if i%100 == 0 {
					m.add("MESSAGE", "other")
				}
			}
			var both [2][]string
			for i, back := range []bool{false, true} {
				total, parts := 0, 0
				for _, r := range m.read(t, back) {
					if r.get("MESSAGE") == "other" {
						continue
					}
					parts++
					n := len(r.get("MESSAGE"))
					total += n
					if n > MaxPart || parts == 1 && n < MaxWhole*min(piece, docker.piece)/docker.piece {
						t.Errorf("a part of %d bytes", n)
					}
					if r.get(FieldPartial) == "" || r.lost != nil {
						t.Errorf("%s is not marked, or misses something", show(r))
					}
					both[i] = append(both[i], show(r))
				}
				if total != size || parts < 3 {
					t.Errorf("%d bytes of %d in %d parts", total, size, parts)
				}
			}
			equal(t, "backward", both[1], both[0])
		})
	}
}

// A line without an end is joined without looking at all of it again and again.
func TestEndless(t *testing.T) {
	for _, back := range []bool{false, true} {
		t.Run(fmt.Sprint("back ", back), func(t *testing.T) { endless(t, back) })
	}
}

func endless(t *testing.T, back bool) {
	var m maker
	for range 4000 {
		m.podman('a', false, full8, FieldPartial, "true")
		m.n += 1000 // others write, too
		m.all[len(m.all)-1].at.Monotonic = uint64(len(m.all))
	}
	looks := 0
	look := around(m.all)
	j := NewJoiner(func(ctx context.Context, p *Piece, c *journal.Cursor, back bool) (
		[]entry.Field, journal.Cursor, bool, error) {
		looks++
		return look(ctx, p, c, back)
	})
	total := 0
	var p Piece
	all := slices.Clone(m.all)
	if back {
		slices.Reverse(all)
	}
	for _, e := range all {
		p.Read(e.fields)
		v, err := j.Judge(t.Context(), &p, &e.at)
		if err != nil {
			t.Fatal(err)
		}
		if v == Goes {
			continue
		}
		fields, _, err := j.Line(t.Context(), &p, &e.at, append([]entry.Field(nil), e.fields...))
		if err != nil {
			t.Fatal(err)
		}
		total += len(made{e.at, fields}.get("MESSAGE"))
	}
	if total != 4000*len(full8) || looks > 10*4000 {
		t.Errorf("%d bytes of %d, looked around %d times", total, 4000*len(full8), looks)
	}
}

// What fails while it looks around is told.
func TestError(t *testing.T) {
	var m maker
	m.docker('a', false, full16, FieldPartial, "true")
	bad := errors.New("bad")
	j := NewJoiner(func(context.Context, *Piece, *journal.Cursor, bool) ([]entry.Field, journal.Cursor, bool, error) {
		return nil, journal.Cursor{}, false, bad
	})
	var p Piece
	p.Read(m.all[0].fields)
	if _, err := j.Judge(t.Context(), &p, &m.all[0].at); err != bad {
		t.Error(err)
	}
	if _, _, err := j.Line(t.Context(), &p, &m.all[0].at, m.all[0].fields); err != bad {
		t.Error(err)
	}
}
