package journal

// lastEntry is an entry as it was rendered last. An entry mostly has most of its fields in
// common with the one before it in the file, and these come first: its items are ordered by
// their offsets, and what many entries have was written early.
type lastEntry struct {
	items []lastItem
	text  []byte // without what stands before and after the fields
}

// lastItem is one of its fields.
type lastItem struct {
	at   uint64 // of its data object
	hash uint64 // of the fields up to it
	end  int    // of its text
	name int32  // the number of its name, -1 if it has no text
}

// begin keeps the fields that an entry begins with, too, and returns how many they are.
func (l *lastEntry) begin(f *File, e *entry) (same int) {
	for n := min(f.items(e), len(l.items)); same < n && l.items[same].at == f.item(e, same); {
		same++
	}
	if l.items = l.items[:same]; same == 0 {
		l.text = l.text[:0]
	} else {
		l.text = l.text[:l.items[same-1].end]
	}
	return same
}

// hash is the hash of all fields.
func (l *lastEntry) hash() uint64 {
	if n := len(l.items); n > 0 {
		return l.items[n-1].hash
	}
	return 0
}

// add adds a field, and reports whether there was room; hash is that of all fields with it.
func (l *lastEntry) add(at uint64, s *renderSlot, hash uint64) bool {
	if len(l.text)+len(s.text) > renderMaxBytes {
		return false
	}
	name := int32(-1)
	if len(s.text) > 0 {
		name = s.name
	}
	l.text = append(l.text, s.text...)
	l.items = append(l.items, lastItem{at, hash, len(l.text), name})
	return true
}

// forget forgets all fields.
func (l *lastEntry) forget() { l.items, l.text = l.items[:0], l.text[:0] }
