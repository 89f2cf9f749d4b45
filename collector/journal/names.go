package journal

// fieldNames numbers the names of fields, and knows which ones the entry at
// hand has had.
type fieldNames struct {
	numbers map[string]int32
	texts   []string // by number
	last    []uint64 // by number: the entry that had it last
	recent  int32    // that was asked for last
	entry   uint64
}

// maxNames bounds what a writer that makes up names can cost a reader.
const maxNames = 1 << 14

// nextNames begins an entry; when there are too many names they are numbered
// anew.
func (r *Reader) nextNames() {
	if len(r.names.last) > maxNames {
		r.names, r.spare = fieldNames{}, spareCaches{}
		for _, c := range r.files {
			c.export, c.json, c.raw = renderCache{}, renderCache{}, renderCache{}
		}
	}
	r.names.entry++
}

// number is the number of a name.
func (n *fieldNames) number(name []byte) int32 {
	if len(n.texts) > 0 && n.texts[n.recent] == string(name) {
		return n.recent
	}
	if i, ok := n.numbers[string(name)]; ok {
		n.recent = i
		return i
	}
	if n.numbers == nil {
		n.numbers = map[string]int32{}
	}
	i := int32(len(n.last))
	s := string(name)
	n.numbers[s] = i
	n.texts, n.last, n.recent = append(n.texts, s), append(n.last, 0), i
	return i
}

// text is the name as a string that is the same each time.
func (n *fieldNames) text(name []byte) string { return n.texts[n.number(name)] }

// seen reports whether the entry has had the name before, and notes that it has.
func (n *fieldNames) seen(i int32) bool {
	before := n.last[i] == n.entry
	n.last[i] = n.entry
	return before
}
