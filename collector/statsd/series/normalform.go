package series

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/daytwo/daytwo/collector/statsd/line"
)

// form is the normal form of a line's name and tags, from which its row is made. Lines
// with the same form belong to the same series, whatever the order of their tags. Its
// buffers are reused for the next line.
type form struct {
	name []byte
	tags []tag // sorted, without duplicates
	buf  []byte
	text [][]byte

	found [][]byte // what each * of the matching rule stands for
}

// tag is a tag, split at its first colon, and its text as a DogStatsD client writes it.
type tag struct {
	name, value []byte
	bare        bool // it has no colon
	text        []byte
}

// read sets the name and the tags from a line, and returns the hash of the normal form.
// If the line was in normal form, that is the line's own hash.
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
	f.normalize()
	return f.hash(l.Type)
}

var internal = []byte("dd.internal.")

// valid replaces invalid UTF-8 in b, because rows must be valid UTF-8.
func valid(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// normalize sorts the tags by name, those without a colon first, and then by value. It
// removes duplicates.
func (f *form) normalize() {
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

// plain reports whether tag i has a value, and a name that no other tag has. Such a tag
// becomes a label: see metric.TagLabel.
func (f *form) plain(i int) bool {
	t := &f.tags[i]
	same := func(o int) bool { return o >= 0 && o < len(f.tags) && bytes.Equal(f.tags[o].name, t.name) }
	return len(t.name) > 0 && len(t.value) > 0 && !same(i-1) && !same(i+1)
}

// hash returns the hash of a line in this form.
func (f *form) hash(typ byte) uint64 {
	f.text = f.text[:0]
	need := 0
	for i := range f.tags {
		need += len(f.tags[i].name) + 1 + len(f.tags[i].value)
	}
	f.buf = slices.Grow(f.buf[:0], need) // so that appending does not move the texts
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

// apply changes the form by the first rule that matches.
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
	f.normalize()
	hash = f.hash(typ)
	if r.match(f, typ) != nil {
		// Lines that arrive with the new name may be changed by another rule. So they
		// must not find this series by their hash.
		hash ^= mapped
	}
	return hash, false
}

const mapped = 0x9e3779b97f4a7c15
