package fleet

import (
	"cmp"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// tick is a decoded tick and who looks at it.
type tick struct {
	batch *frame.Batch
	refs  int
	isKey bool // the batch is the keyframe, which deltas are decoded against
}

// View calls fn with the newest whole tick of an agent (see server.Fleet). A
// tick is decoded once, however many look at it.
func (f *Fleet) View(agent string, fn func(*frame.Batch)) error {
	n, newest, err := f.find(agent)
	if err != nil {
		return err
	}
	t, err := f.acquire(n, newest)
	if err != nil {
		return err
	}
	defer n.release(t)
	fn(t.batch)
	return nil
}

func (f *Fleet) acquire(n *node, newest frame.Header) (*tick, error) {
	n.mu.Lock()
	n.used = f.o.Now()
	if n.cur == nil || !n.cur.holds(&newest) {
		begun := time.Now()
		err := f.decode(n, newest)
		f.took(begun, err)
		if err != nil {
			n.mu.Unlock()
			return nil, err
		}
	}
	t := n.cur
	t.refs++
	n.mu.Unlock()
	f.bound(n)
	return t, nil
}

func (f *Fleet) took(begun time.Time, err error) {
	f.decoded.Add(1)
	f.nanos.Add(uint64(time.Since(begun)))
	if err != nil {
		f.errors.Add(1)
	}
}

// holds tells whether t is that tick, or a newer one of the same run that a
// faster reader has fetched meanwhile.
func (t *tick) holds(h *frame.Header) bool {
	return t.batch.Boot == h.Boot && t.batch.Seq >= h.Seq
}

func (n *node) release(t *tick) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.refs--; t.refs == 0 && t != n.cur && !t.isKey && n.cur != nil {
		n.spare = t.batch
	}
}

// decode makes h the node's current tick. A tick that somebody looks at stays
// as it is.
func (f *Fleet) decode(n *node, h frame.Header) error {
	parts, key, err := f.store.Tick(n.id, h.Boot, h.Seq)
	if err != nil {
		return err
	}
	dec := f.decoders.Get().(*frame.Decoder)
	defer f.decoders.Put(dec)
	defer func() { f.cached.Add(n.weigh()) }()
	if h.Keyframe() {
		key = parts
	}
	if !n.hasKey(&h) {
		n.keys = nil
		keys := make([]*frame.Batch, len(key))
		for i := range key {
			keys[i] = new(frame.Batch)
			if err := dec.Decode(key[i], nil, keys[i]); err != nil {
				return err
			}
		}
		n.keys = keys
	}
	next := n.keys
	if !h.Keyframe() {
		if next, err = n.deltas(dec, parts); err != nil {
			return err
		}
	}
	batch := next[0]
	if len(next) > 1 {
		batch = n.fresh()
		frame.Merge(next, batch)
	}
	n.show(&tick{batch: batch, isKey: h.Keyframe() && len(next) == 1})
	return nil
}

// hasKey tells whether the node's keyframe is the one that h needs.
func (n *node) hasKey(h *frame.Header) bool {
	return len(n.keys) == int(h.Parts) && n.keys[0].Boot == h.Boot && n.keys[0].Seq == h.Key
}

// deltas decodes the parts of a tick against the keyframe's.
func (n *node) deltas(dec *frame.Decoder, parts [][]byte) ([]*frame.Batch, error) {
	if len(parts) == 1 {
		b := n.fresh()
		if err := dec.Decode(parts[0], n.keys[0], b); err != nil {
			return nil, err
		}
		return []*frame.Batch{b}, nil
	}
	for len(n.parts) < len(parts) {
		n.parts = append(n.parts, new(frame.Batch))
	}
	n.parts = n.parts[:len(parts)]
	for i := range parts {
		if err := dec.Decode(parts[i], n.keys[i], n.parts[i]); err != nil {
			return nil, err
		}
	}
	return n.parts, nil
}

// fresh returns a batch that nobody looks at.
func (n *node) fresh() *frame.Batch {
	b := n.spare
	n.spare = nil
	if b == nil {
		b = new(frame.Batch)
	}
	return b
}

// show makes t current. The one before is reused once nobody looks at it.
func (n *node) show(t *tick) {
	if old := n.cur; old != nil && old.refs == 0 && !old.isKey && n.spare == nil {
		n.spare = old.batch
	}
	n.cur = t
}

// rowBytes is about what a row's identity takes.
const rowBytes = 512

// weigh tells by how much what the node holds has grown.
func (n *node) weigh() (grown int64) {
	var sum int64
	add := func(b *frame.Batch, row int64) {
		if b == nil {
			return
		}
		for i := range b.Tables {
			sum += int64(8*cap(b.Tables[i].Vals)) + row*int64(len(b.Tables[i].Rows))
		}
	}
	for _, k := range n.keys {
		add(k, rowBytes)
	}
	for _, p := range n.parts {
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

// bound lets go of what was looked at longest ago while too much is decoded.
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
