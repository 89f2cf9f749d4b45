package rules

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/entry"
)

// fieldLists says which fields are shipped. MESSAGE is always.
type fieldLists struct {
	Keep globs `yaml:"keep"` // these only; default all
	Drop globs `yaml:"drop"` // not these
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *fieldLists) UnmarshalYAML(n *yaml.Node) error {
	if err := decode(n, l); err != nil {
		return err
	}
	if l.Keep == nil && l.Drop == nil {
		return fmt.Errorf("line %d: fields: write keep or drop", n.Line)
	}
	return nil
}

func (l *fieldLists) ships(name string) bool {
	return name == "MESSAGE" || (l.Keep == nil || l.Keep.matchText(name)) && !l.Drop.matchText(name)
}

// maxNames bounds the names of fields that an editor remembers.
const maxNames = 4096

// editor makes the entries that are shipped: with the fields that are wanted, redacted.
type editor struct {
	r     *Rules
	out   entry.Entry
	ships map[string]bool // by the name of a field
	buf   []byte          // of redacted values
	found []span
}

// apply returns an entry as it is shipped, and the number of texts that were redacted. It
// returns e itself if nothing of it changes.
func (d *editor) apply(e *entry.Entry) (*entry.Entry, int) {
	lists := d.r.Fields.Keep != nil || d.r.Fields.Drop != nil
	if !lists && len(d.r.Redact) == 0 {
		return e, 0
	}
	fields := d.out.Fields[:0]
	d.buf = d.buf[:0]
	redacted := 0
	for i := range e.Fields {
		field := e.Fields[i]
		if lists && !d.isShipped(field.Name) {
			continue
		}
		for j := range d.r.Redact {
			if rule := &d.r.Redact[j]; rule.covers(field.Name) {
				var n int
				field.Value, n = d.redact(rule, field.Value)
				redacted += n
			}
		}
		fields = append(fields, field)
	}
	d.out = *e
	d.out.Fields = fields
	return &d.out, redacted
}

func (d *editor) isShipped(name string) bool {
	is, ok := d.ships[name]
	if ok {
		return is
	}
	is = d.r.Fields.ships(name)
	if d.ships == nil {
		d.ships = map[string]bool{}
	}
	if len(d.ships) < maxNames {
		d.ships[string([]byte(name))] = is // the reader may reuse the memory of the name
	}
	return is
}

// redact returns a value without what a rule finds in it, and how often it found it. The
// result is v itself if it found nothing.
func (d *editor) redact(rule *redaction, v []byte) ([]byte, int) {
	if !rule.find.possible(v) {
		return v, 0
	}
	d.found = rule.find.find(v, d.found[:0])
	if len(d.found) == 0 {
		return v, 0
	}
	copied, from := 0, len(d.buf)
	for i := range d.found {
		s := &d.found[i]
		d.buf = append(d.buf, v[copied:s.start]...)
		d.buf = rule.replacement(d.buf, v, s.groups)
		copied = s.end
	}
	d.buf = append(d.buf, v[copied:]...)
	return d.buf[from:len(d.buf):len(d.buf)], len(d.found)
}
