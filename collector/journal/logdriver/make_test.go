package logdriver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/journal"
)

// maker makes the entries of a journal as drivers do, a millisecond apart.
type maker struct {
	n   int
	all []made
}

type made struct {
	at     journal.Cursor
	fields []entry.Field
}

// cursor makes the cursor of the entry of a number.
func cursor(n int) journal.Cursor {
	return journal.Cursor{SeqnumID: journal.ID{1}, Seqnum: uint64(n), Boot: journal.ID{2},
		Monotonic: uint64(n) * 1000, Realtime: uint64(n) * 1000}
}

// id makes the id of a container.
func id(c byte) string { return strings.Repeat(string(c), 64) }

// add adds an entry of the given fields, in pairs.
func (m *maker) add(pairs ...string) {
	m.n++
	e := made{at: cursor(m.n)}
	for i := 0; i < len(pairs); i += 2 {
		e.fields = append(e.fields, entry.Field{Name: pairs[i], Value: []byte(pairs[i+1])})
	}
	m.all = append(m.all, e)
}

func priority(stderr bool) string {
	if stderr {
		return "3"
	}
	return "6"
}

// docker adds an entry of Docker's driver.
func (m *maker) docker(container byte, stderr bool, text string, more ...string) {
	full := id(container)
	m.add(append([]string{fieldIDFull, full, fieldID, full[:12], "CONTAINER_NAME", "n" + full[:1], fieldImage, "bb",
		"MESSAGE", text, fieldPriority, priority(stderr)}, more...)...)
}

// podman adds an entry of conmon.
func (m *maker) podman(container byte, stderr bool, text string, more ...string) {
	full := id(container)
	m.add(append([]string{"MESSAGE", text, fieldIDFull, full, fieldPriority, priority(stderr), fieldID, full[:12],
		"CONTAINER_NAME", "n" + full[:1]}, more...)...)
}

// logPipe adds an entry of log-pipe.
func (m *maker) logPipe(container byte, stderr bool, text string, more ...string) {
	stream := "STDOUT"
	if stderr {
		stream = "STDERR"
	}
	m.add(append([]string{"MESSAGE", text, fieldID, "task-" + string(container), fieldStream, stream,
		fieldPriority, "4"}, more...)...)
}

// marks are those of a piece of the new form.
func marks(line string, ordinal int, last bool) []string {
	more := []string{fieldPieceID, line, fieldOrdinal, fmt.Sprint(ordinal), fieldLast, fmt.Sprint(last)}
	if !last {
		more = append(more, FieldPartial, "true")
	}
	return more
}

// piece adds a piece of the new form.
func (m *maker) piece(container byte, stderr bool, text, line string, ordinal int, last bool) {
	m.docker(container, stderr, text, marks(line, ordinal, last)...)
}

// around looks around in entries that are sorted by sequence number.
func around(all []made) Around {
	return func(_ context.Context, p *Piece, c *journal.Cursor, back bool) (
		[]entry.Field, journal.Cursor, bool, error) {
		i, ok := slices.BinarySearchFunc(all, c.Seqnum, func(e made, n uint64) int { return int(e.at.Seqnum) - int(n) })
		step := 1
		if back {
			step = -1
		}
		if back || ok {
			i += step
		}
		for ; i >= 0 && i < len(all); i += step {
			for _, f := range all[i].fields {
				if (f.Name == fieldID || f.Name == fieldIDFull) && string(f.Value) == p.Container() {
					return all[i].fields, all[i].at, true, nil
				}
			}
		}
		return nil, *c, false, nil
	}
}

// record is an entry, or what is missing.
type record struct {
	made
	lost *LostError
}

// read reads all entries in a direction, and returns them in the journal's order.
func (m *maker) read(t testing.TB, back bool) (got []record) {
	t.Helper()
	j := NewJoiner(around(m.all))
	all := slices.Clone(m.all)
	if back {
		slices.Reverse(all)
	}
	var p Piece
	for _, e := range all {
		fields := slices.Clone(e.fields)
		if p.Read(fields); p.Whole() {
			got = append(got, record{made: made{e.at, fields}})
			continue
		}
		v, err := j.Judge(t.Context(), &p, &e.at)
		if err != nil {
			t.Fatal(err)
		}
		if v == Goes {
			continue
		}
		fields, lost, err := j.Line(t.Context(), &p, &e.at, fields)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(fields, func(f entry.Field) bool { return f.Name == "MESSAGE" }); true {
			fields[i].Value = slices.Clone(fields[i].Value)
		}
		got = append(got, record{made{e.at, fields}, lost})
	}
	if back {
		slices.Reverse(got)
	}
	return got
}

func (m made) get(name string) string {
	for _, f := range m.fields {
		if f.Name == name {
			return string(f.Value)
		}
	}
	return ""
}

// show writes a record in short.
func show(r record) string {
	text := r.get("MESSAGE")
	c := r.get(fieldIDFull) + r.get(fieldID)
	s := fmt.Sprintf("%.1s%s c%d %s", c, r.get(fieldPriority), r.at.Seqnum, text)
	if len(s) > 40 {
		s = fmt.Sprintf("%s…%s(%d)", s[:16], s[len(s)-4:], len(text))
	}
	if r.get(FieldPartial) != "" {
		s += " +"
	}
	if r.get(fieldPieceID) != "" {
		s += " with marks"
	}
	if r.lost != nil {
		s += " !"
		if r.lost.Beginning {
			s += "!"
		}
	}
	return s
}

func shows(all []record) (got []string) {
	for _, r := range all {
		got = append(got, show(r))
	}
	return got
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// check reads the entries both ways.
func (m *maker) check(t *testing.T, want ...string) {
	t.Helper()
	equal(t, t.Name()+" forward", shows(m.read(t, false)), want)
	equal(t, t.Name()+" backward", shows(m.read(t, true)), want)
}

var full16, full8 = strings.Repeat("p", docker.piece), strings.Repeat("q", 8<<10)
