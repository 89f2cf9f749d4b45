package sketch

import (
	"bytes"
	"slices"
	"unsafe"
)

const (
	pageBits = 3
	pageSize = 1 << pageBits
	maxPages = 255

	// MaxBuckets is how many adjacent buckets a range can have.
	MaxBuckets = maxPages * pageSize

	histogramSize = int(unsafe.Sizeof(Histogram{}))
	binsSize      = int(unsafe.Sizeof(bins{}))
)

// page is the counts of pageSize adjacent buckets.
type page [pageSize]float64

// bins is the buckets of one range, positive or negative: pages in any order, and a
// directory that maps page numbers (index >> pageBits) to pages. The first and the last
// entry of the directory always have a page.
type bins struct {
	dir   []uint8 // 1 + index in pages; 0 for no page
	pages []page
	first int32 // page number of dir[0]
}

// find returns a pointer to the count of bucket i, nil if the bucket has no page.
func (b *bins) find(i int32) *float64 {
	d := uint32(i>>pageBits - b.first)
	if d >= uint32(len(b.dir)) {
		return nil
	}
	p := int(b.dir[d]) - 1
	if uint(p) >= uint(len(b.pages)) {
		return nil
	}
	return &b.pages[p][i&(pageSize-1)]
}

// add adds n to bucket i. It returns the weight that it had to add or move to another
// bucket, because all pages are in use.
func (b *bins) add(i int32, n float64) (collapsed float64) {
	if c := b.find(i); c != nil {
		*c += n
		return 0
	}
	p := i >> pageBits
	if len(b.pages) == maxPages {
		if p < b.first {
			b.pages[b.dir[0]-1][0] += n
			return n
		}
		collapsed = b.collapse(p)
	} else {
		b.pages = append(b.pages, page{})
		b.enter(p, uint8(len(b.pages)))
	}
	*b.find(i) += n
	return collapsed
}

// collapse adds the counts of the lowest page to the first bucket of the next one, and
// reuses its memory for page number p, which is higher. It returns the moved weight.
func (b *bins) collapse(p int32) (moved float64) {
	slot := b.dir[0]
	lowest := &b.pages[slot-1]
	for _, n := range lowest {
		moved += n
	}
	*lowest = page{}
	next := 1
	for b.dir[next] == 0 {
		next++
	}
	b.dir, b.first = b.dir[next:], b.first+int32(next)
	b.enter(p, slot)
	b.pages[b.dir[0]-1][0] += moved
	return moved
}

// enter records in the directory that page number p is in pages[slot-1].
func (b *bins) enter(p int32, slot uint8) {
	switch {
	case len(b.dir) == 0:
		b.first = p
		b.dir = append(b.dir, 0)
	case p < b.first:
		n := int(b.first - p)
		old := len(b.dir)
		b.dir = slices.Grow(b.dir, n)[:old+n]
		copy(b.dir[n:], b.dir[:old])
		clear(b.dir[:n])
		b.first = p
	default:
		if n := int(p-b.first) + 1; n > len(b.dir) {
			old := len(b.dir)
			b.dir = slices.Grow(b.dir, n-old)[:n]
			clear(b.dir[old:])
		}
	}
	b.dir[p-b.first] = slot
}

func (b *bins) reset() { b.dir, b.pages = b.dir[:0], b.pages[:0] }

func (b *bins) copyFrom(o *bins) {
	b.dir = append(b.dir[:0], o.dir...)
	b.pages = append(b.pages[:0], o.pages...)
	b.first = o.first
}

func (b *bins) size() int { return len(b.dir) + len(b.pages)*pageSize*8 }

// equal reports whether b and o have the same counts. It ignores empty pages.
func (b *bins) equal(o *bins) bool {
	if b.first == o.first && bytes.Equal(b.dir, o.dir) {
		return slices.Equal(b.pages, o.pages) // the usual case: o is a copy of b
	}
	x, y := b.iterate(), o.iterate()
	for {
		more := x.Next()
		if more != y.Next() {
			return false
		}
		if !more {
			return true
		}
		if x.Index != y.Index || x.Count != y.Count {
			return false
		}
	}
}

func (b *bins) iterate() Buckets { return Buckets{b: b, at: -1} }

// Buckets iterates over the buckets of a range that are not empty:
//
//	for b := h.Positive(); b.Next(); {
//		use(b.Index, b.Count)
//	}
//
// Counts may change during the iteration, but no bucket may be added.
type Buckets struct {
	Index int32
	Count float64

	b    *bins
	page *page
	at   int // current bucket, counted from the first one of dir[0]
}

// Next advances to the next bucket, and reports whether there is one.
func (c *Buckets) Next() bool {
	for {
		c.at++
		if c.at&(pageSize-1) == 0 && !c.turn() {
			return false
		}
		if n := c.page[c.at&(pageSize-1)]; n != 0 {
			c.Index, c.Count = c.b.first<<pageBits+int32(c.at), n
			return true
		}
	}
}

// turn advances to the next page, from c.at on, and reports whether there is one.
func (c *Buckets) turn() bool {
	if c.b == nil {
		c.at = -1
		return false
	}
	p := c.at >> pageBits
	for ; p < len(c.b.dir); p++ {
		if slot := c.b.dir[p]; slot != 0 {
			c.page, c.at = &c.b.pages[slot-1], p<<pageBits
			return true
		}
	}
	c.at = p<<pageBits - 1 // so that the next call returns false too
	return false
}
