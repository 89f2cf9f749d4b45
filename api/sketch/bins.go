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

	// MaxBuckets is the most buckets of a range, if they lie side by side.
	MaxBuckets = maxPages * pageSize

	histogramSize = int(unsafe.Sizeof(Histogram{}))
	binsSize      = int(unsafe.Sizeof(bins{}))
)

type page [pageSize]float64

// bins is the buckets of one range: pages of neighbours in any order, and a
// directory from index to page. The first and the last entry of the directory
// always have a page.
type bins struct {
	dir   []uint8 // 1 + place in pages, 0 = no page
	pages []page
	first int32 // page number (index >> pageBits) of dir[0]
}

// find returns the count of bucket i, nil if it has no page.
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

// add adds n to bucket i. It returns the weight that had to move into another bucket.
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

// collapse moves the lowest page into the first bucket of what then is the
// lowest, and gives its memory to page p, which is above it.
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

// enter makes the directory point to the page of number p.
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

// equal reports whether both have the same counts; empty pages are ignored.
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
// Meanwhile counts may change, but no bucket may be added.
type Buckets struct {
	Index int32
	Count float64

	b    *bins
	page *page
	at   int // place in the range, counted in buckets
}

// Next moves to the next bucket, and reports whether there is one.
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

// turn moves to the first page from here on, and reports whether there is one.
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
	c.at = p<<pageBits - 1 // so that it stays at the end
	return false
}
