package fleet

import (
	"cmp"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// rowBytes is the approximate memory of a row's identity.
const rowBytes = 512

// weigh updates n.bytes, the approximate memory of what was decoded of the node, and
// returns by how much it has grown. n.mu is held.
func (n *node) weigh() (grown int64) {
	var sum int64
	add := func(b *frame.Batch, row int64) {
		if b == nil {
			return
		}
		for i := range b.Tables {
			t := &b.Tables[i]
			sum += int64(8*cap(t.Vals)) + row*int64(len(t.Rows)) + t.HistogramBytes() + t.SetBytes()
		}
	}
	for i := range n.parts {
		add(n.parts[i].Key(), rowBytes)
	}
	for _, p := range n.deltas {
		add(p, 8)
	}
	if n.cur != nil && !n.cur.isKey {
		add(n.cur.batch, 8)
	}
	add(n.spare, 8)
	for i := range n.ids.parts {
		for k := range n.ids.parts[i] {
			sum += rowBytes * int64(len(n.ids.parts[i][k].Rows))
		}
	}
	grown, n.bytes = sum-n.bytes, sum
	return grown
}

// bound drops the decoded ticks of the least recently used nodes, keep excepted, if the
// cache is larger than Options.CacheBytes. It skips nodes that are in use.
func (f *Fleet) bound(keep *node) {
	if f.cached.Load() <= f.o.CacheBytes {
		return
	}
	type idle struct {
		n    *node
		used time.Time
	}
	var list []idle
	f.mu.RLock()
	for _, n := range f.nodes {
		if n != keep && n.mu.TryLock() {
			if n.bytes > 0 {
				list = append(list, idle{n, n.used})
			}
			n.mu.Unlock()
		}
	}
	f.mu.RUnlock()
	slices.SortFunc(list, func(a, b idle) int { return cmp.Compare(a.used.UnixNano(), b.used.UnixNano()) })
	for _, i := range list {
		if f.cached.Load() <= f.o.CacheBytes*3/4 {
			return
		}
		f.cached.Add(-i.n.drop())
	}
}
