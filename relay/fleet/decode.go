package fleet

import (
	"github.com/daytwo/daytwo/api/frame"
)

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
