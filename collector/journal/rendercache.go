package journal

// renderCache keeps fields as they were rendered, by the offset of their data
// object: journald stores equal fields once, and a few of them make up most of
// every entry. It has a fixed number of slots and forgets by overwriting.
type renderCache struct {
	slots []renderSlot
	bytes int
}

// renderSlot is a field as it was rendered.
type renderSlot struct {
	at   uint64 // of its data object; 0: the slot is empty
	hash uint64 // its part of the entry's hash
	name int32  // the number of its name
	text []byte
}

// Sizes of a cache; each reader has one a file.
const (
	renderSlots    = 1024
	renderMaxField = 512 // larger fields are rarely the same again
	renderMaxBytes = 64 << 10
)

// get returns a field that is kept, else nil.
func (c *renderCache) get(at uint64) *renderSlot {
	if c.slots == nil {
		return nil
	}
	if s := &c.slots[slotOf(at)]; s.at == at {
		return s
	}
	return nil
}

// put keeps a copy of a field.
func (c *renderCache) put(at uint64, from *renderSlot) {
	if len(from.text) > renderMaxField {
		return
	}
	if c.slots == nil {
		c.slots = make([]renderSlot, renderSlots)
	}
	if c.bytes > renderMaxBytes {
		clear(c.slots)
		c.bytes = 0
	}
	s := &c.slots[slotOf(at)]
	c.bytes += max(0, len(from.text)-cap(s.text))
	s.at, s.hash, s.name, s.text = at, from.hash, from.name, append(s.text[:0], from.text...)
}

// slotOf spreads offsets, which are multiples of eight, over the slots.
func slotOf(at uint64) uint64 { return at * 0x9e3779b97f4a7c15 >> 54 }
