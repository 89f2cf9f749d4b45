package fleet

import (
	"github.com/daytwo/daytwo/api/frame"
)

// decode decodes tick h and makes it the node's current tick. It does not modify a tick
// that has readers.
func (f *Fleet) decode(n *node, h frame.Header) error {
	parts, key, err := f.store.Tick(n.id, h.Boot, h.Seq)
	if err != nil {
		return err
	}
	dec := f.decoders.Get().(*frame.Decoder)
	defer f.decoders.Put(dec)
	defer func() { f.cached.Add(n.weigh()) }()
	next, err := n.decodeParts(dec, &h, parts, key)
	if err != nil {
		return err
	}
	batch := next[0]
	if len(next) > 1 {
		batch = n.fresh()
		frame.Merge(next, batch)
	}
	n.show(&tick{batch: batch, isKey: h.Keyframe() && len(next) == 1})
	return nil
}

// decodeParts decodes the parts of a tick, and first those of its keyframe unless n.parts
// holds them already.
func (n *node) decodeParts(dec *frame.Decoder, h *frame.Header, parts, key [][]byte) ([]*frame.Batch, error) {
	if len(n.parts) != len(parts) {
		n.parts, n.deltas = make([]frame.PartDecoder[frame.Batch], len(parts)), nil
	}
	next := make([]*frame.Batch, len(parts))
	for i, data := range parts {
		p := &n.parts[i]
		p.Shared = true // readers of the keyframe's tick use the decoded keyframe
		p.Decode = func(_ *frame.Header, data []byte, key, dst *frame.Batch) error { return dec.Decode(data, key, dst) }
		p.Keyframe = func(*frame.Header) ([]byte, error) { return key[i], nil }
		ph := *h
		ph.Part = uint16(i)
		var err error
		if next[i], err = p.Next(&ph, data, n.delta(&ph)); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// hasKey reports whether n.parts holds the keyframe that h refers to.
func (n *node) hasKey(h *frame.Header) bool {
	for i := range n.parts {
		ph := *h
		ph.Part = uint16(i)
		if !n.parts[i].HasKey(&ph) {
			return false
		}
	}
	return len(n.parts) == int(h.Parts)
}

// delta returns a batch to decode a part of a tick into; nil for a keyframe.
func (n *node) delta(h *frame.Header) *frame.Batch {
	switch {
	case h.Keyframe():
		return nil
	case h.Parts == 1:
		return n.fresh() // the current batch may have readers
	}
	for len(n.deltas) < int(h.Parts) {
		n.deltas = append(n.deltas, new(frame.Batch))
	}
	return n.deltas[h.Part]
}

// fresh returns a batch that has no readers.
func (n *node) fresh() *frame.Batch {
	b := n.spare
	n.spare = nil
	if b == nil {
		b = new(frame.Batch)
	}
	return b
}

// show makes t the current tick, and keeps the previous one's batch for reuse if it has
// no readers.
func (n *node) show(t *tick) {
	if old := n.cur; old != nil && old.refs == 0 && !old.isKey && n.spare == nil {
		n.spare = old.batch
	}
	n.cur = t
}
