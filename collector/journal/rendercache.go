package journal

// renderCache keeps fields as they were rendered, by the offset of their data
// object: journald stores equal fields once, and a few of them make up most of
// every entry. It forgets by overwriting, and gets more slots with use: of many
// files only few entries are read.
type renderCache struct {
	slots []renderSlot
	shift uint8  // takes a hash down to the index of a slot
	use   uint32 // of the slots: those of another one are empty
	puts  int
	bytes int
	last  lastEntry // it does not move with the slots to another file
}

// spareCaches are caches of files whose entries were all read, for the files that follow:
// most of a cache is made, and of its memory allocated, once a reader.
type spareCaches struct {
	caches []renderCache
	uses   uint32 // of any cache's slots
}

const maxSpare = 4

// keep takes the slots of a cache, which is empty then.
func (s *spareCaches) keep(c *renderCache) {
	if c.slots != nil && len(s.caches) < maxSpare {
		c.last = lastEntry{}
		s.caches = append(s.caches, *c)
	}
	*c = renderCache{}
}

// give gives a cache slots.
func (s *spareCaches) give(c *renderCache) {
	if n := len(s.caches); n > 0 {
		last := c.last
		*c = s.caches[n-1]
		c.last = last
		s.caches = s.caches[:n-1]
	} else {
		c.resize(renderBitsMin)
	}
	s.uses++
	c.use, c.puts = s.uses, 0
}

// renderSlot is a field as it was rendered.
type renderSlot struct {
	at   uint64 // of its data object; 0: the slot is empty
	hash uint64 // its part of the entry's hash
	name int32  // the number of its name
	use  uint32 // of the cache
	text []byte
}

// Sizes of a cache; each reader has one a file.
const (
	renderBits     = 11
	renderBitsMin  = 5
	renderMaxField = 512 // larger fields are rarely the same again
	renderMaxBytes = 128 << 10
)

// get returns a field that is kept, else nil.
func (c *renderCache) get(at uint64) *renderSlot {
	if c.slots == nil {
		return nil
	}
	if s := &c.slots[c.slotOf(at)]; s.at == at && s.use == c.use {
		return s
	}
	return nil
}

// put keeps a copy of a field.
func (c *renderCache) put(at uint64, from *renderSlot, spare *spareCaches) {
	if len(from.text) > renderMaxField {
		return
	}
	if c.slots == nil {
		spare.give(c)
	}
	if c.puts++; c.puts == 4<<renderBitsMin && len(c.slots) < 1<<renderBits {
		c.resize(renderBits)
	}
	if c.bytes > renderMaxBytes {
		clear(c.slots)
		c.bytes = 0
	}
	s := &c.slots[c.slotOf(at)]
	c.bytes += max(0, len(from.text)-cap(s.text))
	s.at, s.hash, s.name, s.use, s.text = at, from.hash, from.name, c.use, append(s.text[:0], from.text...)
}

// resize makes so many slots, as a power of two, and keeps what there is.
func (c *renderCache) resize(bits uint8) {
	old := c.slots
	c.slots, c.shift = make([]renderSlot, 1<<bits), 64-bits
	for _, s := range old {
		if s.at != 0 && s.use == c.use {
			c.slots[c.slotOf(s.at)] = s
		}
	}
}

// slotOf spreads offsets, which are multiples of eight, over the slots.
func (c *renderCache) slotOf(at uint64) uint64 { return at * 0x9e3779b97f4a7c15 >> c.shift }
