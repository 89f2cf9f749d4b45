package frame

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
)

// dictionary encodes identities. The first occurrence of a string in a row set is encoded
// as text, each later one as the string's number.
type dictionary struct {
	limit    int // bytes of strings in one row
	index    map[string]uint64
	id       uint64 // of the previous row
	parent   uint64
	labels   int
	repaired uint64
}

// keptStrings is the number of strings up to which the index is reused for the next row
// set. Larger ones occur at most once per keyframe.
const keptStrings = 1024

func (d *dictionary) reset() {
	if d.index == nil || len(d.index) > keptStrings {
		d.index = make(map[string]uint64)
	}
	clear(d.index)
	d.id, d.parent, d.labels = 0, 0, 0
}

// append encodes one identity.
func (d *dictionary) append(b []byte, r *Row) []byte {
	key, labels := r.Key, r.Labels
	if !d.fits(r) {
		key, labels = d.repair(r)
	}
	b = binary.AppendVarint(b, int64(r.ID-d.id))
	b = binary.AppendVarint(b, int64(r.Parent-d.parent))
	d.id, d.parent = r.ID, r.Parent
	b = d.appendString(b, key)
	b = binary.AppendUvarint(b, uint64(len(labels)))
	for i := range labels {
		b = d.appendString(b, labels[i].Name)
		b = d.appendString(b, labels[i].Value)
	}
	d.labels += len(labels)
	return b
}

func (d *dictionary) appendString(b []byte, s string) []byte {
	if n, ok := d.index[s]; ok {
		return binary.AppendUvarint(b, n)
	}
	d.index[s] = uint64(len(d.index)) + 1
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// fits reports whether a decoder accepts a row's identity.
func (d *dictionary) fits(r *Row) bool {
	if len(r.Labels) > MaxLabels {
		return false
	}
	size := len(r.Key)
	for i := range r.Labels {
		l := &r.Labels[i]
		size += len(l.Name) + len(l.Value)
		sorted := i == 0 || r.Labels[i-1].Name < l.Name
		if l.Name == "" || l.Value == "" || !sorted || !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value) {
			return false
		}
	}
	return size <= d.limit
}

// repair returns a similar identity that fits, so that one bad label does not make a
// node's frames invalid.
func (d *dictionary) repair(r *Row) (string, []Label) {
	d.repaired++
	key := r.Key[:min(len(r.Key), d.limit/2)]
	left := d.limit - len(key)
	sorted := slices.Clone(r.Labels)
	slices.SortStableFunc(sorted, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	var out []Label
	for _, l := range sorted {
		l.Name, l.Value = strings.ToValidUTF8(l.Name, "\uFFFD"), strings.ToValidUTF8(l.Value, "\uFFFD")
		switch {
		case l.Name == "" || l.Value == "", len(out) == MaxLabels, len(l.Name)+len(l.Value) > left:
			continue
		case len(out) > 0 && out[len(out)-1].Name >= l.Name:
			continue
		}
		left -= len(l.Name) + len(l.Value)
		out = append(out, l)
	}
	return key, out
}
