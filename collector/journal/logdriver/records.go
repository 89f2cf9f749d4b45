package logdriver

import (
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/api/entry"
)

// give returns an entry that is a line by itself.
func (j *Joiner) give(e *entry.Entry, p *piece) {
	if p.form == candidate && len(p.text) != len(e.Fields[p.message].Value) {
		e.Fields[p.message].Value = p.text
	}
	j.out = append(j.out, entry.Record{Entry: e})
}

// single returns an entry that is a line by itself though it is marked.
func (j *Joiner) single(e *entry.Entry, p *piece) {
	j.spare = append(j.spare[:0], e.Fields...)
	j.e = *e
	j.e.Fields = j.spare
	j.e.Fields[p.message].Value = p.text
	j.e.Fields = slices.DeleteFunc(j.e.Fields, isMark)
	j.out = append(j.out, entry.Record{Entry: &j.e})
}

// finish returns a line as an entry with the fields of e.
func (j *Joiner) finish(l *line, e *entry.Entry, complete bool) {
	var c *entry.Entry
	if len(j.out) > 0 || e == l.last { // j.e may be in use already
		c = e.Clone()
	} else {
		j.spare = append(j.spare[:0], e.Fields...)
		j.e = *e
		j.e.Fields = j.spare
		c = &j.e
	}
	done := false
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Name == fieldMessage && !done {
			f.Value, done = l.text, true
		}
	}
	c.Fields = slices.DeleteFunc(c.Fields, isMark)
	if !complete {
		c.Fields = append(c.Fields, entry.Field{Name: fieldPartial, Value: []byte("true")})
	}
	j.out = append(j.out, entry.Record{Entry: c})
}

func isMark(f entry.Field) bool {
	switch f.Name {
	case fieldPartial, fieldPieceID, fieldOrdinal, fieldLast:
		return true
	}
	return false
}

// part returns what there is of a line that becomes too long.
func (j *Joiner) part(l *line) {
	j.finish(l, l.last, false)
	j.bytes -= len(l.text)
	l.text, l.cut = nil, true
	j.lost(l.last, fmt.Sprintf("a line of more than %d bytes is shown in parts", MaxLine))
}

// lost returns an event about pieces.
func (j *Joiner) lost(e *entry.Entry, what string) {
	container, _ := e.Get(fieldIDFull)
	if container == nil {
		container, _ = e.Get(fieldID)
	}
	j.out = append(j.out, entry.Record{Event: &entry.Event{Kind: entry.PartialLost, Time: e.Realtime,
		Source: string(container), Message: "in the log of container " + string(container) + ", " + what}})
}

// withoutText copies an entry but for the text of its message.
func withoutText(e *entry.Entry, p *piece) *entry.Entry {
	text := e.Fields[p.message].Value
	e.Fields[p.message].Value = nil
	c := e.Clone()
	e.Fields[p.message].Value = text
	return c
}
