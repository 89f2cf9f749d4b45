package series

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/daytwo/daytwo/collector/statsd/line"
)

// form is the normal form of a line's name and tags: what its row is made of. Two
// lines of one form are one series, whatever the order of their tags. It keeps its
// memory from one line to the next.
type form struct {
	name []byte
	tags []tag // sorted, none twice
	buf  []byte
	text [][]byte

	found [][]byte // what each * of a rule stands for
}

// tag is a tag, taken apart at its first colon, and as a DogStatsD client writes it.
type tag struct {
	name, value []byte
	bare        bool // it has no colon
	text        []byte
}

// read takes the name and the tags of a line, and returns their hash: the
// line's own if it came in normal form.
func (f *form) read(l *line.Line) uint64 {
	f.buf = f.buf[:0]
	f.tags = f.tags[:0]
	f.name = l.Name
	if len(l.Suffix) > 0 {
		f.name = append(slices.Clone(l.Name), l.Suffix...)
	}
	f.name = valid(f.name)
	for rest := l.Tags; len(rest) > 0; {
		var t []byte
		if i := bytes.IndexByte(rest, l.Comma); i >= 0 {
			t, rest = rest[:i], rest[i+1:]
		} else {
			t, rest = rest, nil
		}
		if len(t) == 0 || bytes.HasPrefix(t, internal) {
			continue
		}
		name, value, ok := bytes.Cut(t, []byte{l.TagSep})
		f.tags = append(f.tags, tag{name: valid(name), value: valid(value), bare: !ok})
	}
	f.tidy()
	return f.hash(l.Type)
}

var internal = []byte("dd.internal.")

// valid is b with what is no UTF-8 replaced: rows hold nothing else.
func valid(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// tidy sorts the tags by name, the bare one first, and then by value, and leaves out
// those that are there twice.
func (f *form) tidy() {
	slices.SortFunc(f.tags, compareTags)
	f.tags = slices.CompactFunc(f.tags, func(a, b tag) bool { return compareTags(a, b) == 0 })
}

func compareTags(a, b tag) int {
	c := bytes.Compare(a.name, b.name)
	switch {
	case c != 0:
		return c
	case a.bare != b.bare && a.bare:
		return -1
	case a.bare != b.bare:
		return 1
	}
	return bytes.Compare(a.value, b.value)
}

// plain reports whether tag i has a name of its own and a value: it is a label then,
// see metric.TagLabel.
func (f *form) plain(i int) bool {
	t := &f.tags[i]
	same := func(o int) bool { return o >= 0 && o < len(f.tags) && bytes.Equal(f.tags[o].name, t.name) }
	return len(t.name) > 0 && len(t.value) > 0 && !same(i-1) && !same(i+1)
}

// hash is the hash of a line in this form.
func (f *form) hash(typ byte) uint64 {
	f.text = f.text[:0]
	need := 0
	for i := range f.tags {
		need += len(f.tags[i].name) + 1 + len(f.tags[i].value)
	}
	f.buf = slices.Grow(f.buf[:0], need) // so that texts do not move
	for i := range f.tags {
		t := &f.tags[i]
		from := len(f.buf)
		f.buf = append(f.buf, t.name...)
		if !t.bare {
			f.buf = append(append(f.buf, ':'), t.value...)
		}
		t.text = f.buf[from:]
		f.text = append(f.text, t.text)
	}
	return line.Hash(f.name, typ, f.text...)
}

// apply changes the form as the first rule says that matches.
func (f *form) apply(r *Rules, typ byte) (hash uint64, drop bool) {
	rule := r.match(f, typ)
	if rule == nil {
		return f.hash(typ), false
	}
	if rule.drop {
		return 0, true
	}
	name := rule.name.expand(f.found)
	for i := range rule.labels {
		label := &rule.labels[i]
		f.tags = slices.DeleteFunc(f.tags, func(t tag) bool { return string(t.name) == label.name })
		if value := label.value.expand(f.found); len(value) > 0 {
			f.tags = append(f.tags, tag{name: []byte(label.name), value: value})
		}
	}
	f.name = name
	f.tidy()
	hash = f.hash(typ)
	if r.match(f, typ) != nil {
		// Lines that are sent under the new name are subject to a rule of their
		// own: they must not find this series by their hash.
		hash ^= mapped
	}
	return hash, false
}

const mapped = 0x9e3779b97f4a7c15
