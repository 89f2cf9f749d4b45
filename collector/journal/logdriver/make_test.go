package logdriver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

// maker makes entries as drivers do, a millisecond apart.
type maker struct {
	n   int
	all []*entry.Entry
}

// id makes the id of a container.
func id(c byte) string { return strings.Repeat(string(c), 64) }

// add adds an entry of the given fields, in pairs.
func (m *maker) add(pairs ...string) *entry.Entry {
	m.n++
	e := &entry.Entry{Cursor: fmt.Sprintf("c%d", m.n), Realtime: int64(m.n) * 1000}
	for i := 0; i < len(pairs); i += 2 {
		e.Fields = append(e.Fields, entry.Field{Name: pairs[i], Value: []byte(pairs[i+1])})
	}
	m.all = append(m.all, e)
	return e
}

func priority(stderr bool) string {
	if stderr {
		return "3"
	}
	return "6"
}

// docker adds an entry of Docker's driver.
func (m *maker) docker(container byte, stderr bool, text string, more ...string) *entry.Entry {
	full := id(container)
	return m.add(
		append(
			[]string{
				fieldIDFull,
				full,
				fieldID,
				full[:12],
				fieldName,
				"n" + full[:1],
				fieldImage,
				"bb",
				"MESSAGE",
				text,
				fieldPriority,
				priority(stderr),
				fieldUID,
				"0",
			},
			more...)...)
}

// podman adds an entry of conmon.
func (m *maker) podman(container byte, stderr bool, text string, more ...string) *entry.Entry {
	full := id(container)
	return m.add(
		append([]string{"MESSAGE", text, fieldIDFull, full, fieldPriority, priority(stderr), fieldID, full[:12],
			fieldName, "n" + full[:1], fieldUID, "0"}, more...)...)
}

// piece adds a piece of the new form.
func (m *maker) piece(container byte, stderr bool, text, line string, ordinal int, last bool) *entry.Entry {
	more := []string{fieldPieceID, line, fieldOrdinal, fmt.Sprint(ordinal), fieldLast, fmt.Sprint(last)}
	if !last {
		more = append(more, fieldPartial, "true")
	}
	return m.docker(container, stderr, text, more...)
}

// show writes a record in short.
func show(r entry.Record) string {
	if r.Entry == nil {
		return "! " + string(r.Event.Kind)
	}
	e := r.Entry
	full, _ := e.Get(fieldIDFull)
	p, _ := e.Get(fieldPriority)
	text, _ := e.Get(fieldMessage)
	s := fmt.Sprintf("%.1s%s %s %s", full, p, e.Cursor, text)
	if len(s) > 40 {
		s = fmt.Sprintf("%s…%s(%d)", s[:16], s[len(s)-4:], len(text))
	}
	if _, ok := e.Get(fieldPartial); ok {
		s += " +"
	}
	if _, ok := e.Get(fieldPieceID); ok {
		s += " with marks"
	}
	return s
}

// forward joins entries and returns what came of them.
func forward(all []*entry.Entry) (got []string) {
	var j Joiner
	for _, e := range all {
		for _, r := range j.Add(e.Clone()) {
			got = append(got, show(r))
		}
	}
	for _, r := range j.Flush() {
		got = append(got, show(r))
	}
	return got
}

// backward joins entries from the end, and returns what came of them in forward order.
func backward(all []*entry.Entry) (got []string) {
	i := len(all)
	b := NewBackward(1<<62, func() (*entry.Entry, bool) {
		if i--; i < 0 {
			return nil, false
		}
		return all[i].Clone(), true
	})
	for {
		r, ok := b.Previous()
		if !ok {
			return got
		}
		got = append([]string{show(r)}, got...)
	}
}

func equal(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

var full16, full8 = strings.Repeat("p", dockerPiece), strings.Repeat("q", conmonPiece)
