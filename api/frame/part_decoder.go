package frame

// PartDecoder decodes frames of one part of an agent's ticks, as they follow one
// another. It keeps the keyframe decoded, so that a delta costs one decoding. T is
// what is decoded of a frame: a Batch, Columns or Sketches. It is not safe for use
// by several goroutines at once.
type PartDecoder[T any] struct {
	// Decode reads a frame into dst; key is the decoded keyframe, nil for a keyframe
	// itself. Of h, the Agent, Boot, Seq, Key and Part are the frame's.
	Decode func(h *Header, data []byte, key, dst *T) error

	// Keyframe fetches the keyframe of a delta, if that is not the one that is kept.
	// nil stands for one that always fails with ErrNoKey.
	Keyframe func(h *Header) ([]byte, error)

	// Shared says that results are still in use when the next keyframe comes, which
	// is then decoded into new memory.
	Shared bool

	key  *T     // the decoded keyframe
	have Header // its own; Seq 0 = there is none
}

// HasKey reports whether the keyframe that is kept is the one of h.
func (p *PartDecoder[T]) HasKey(h *Header) bool {
	k := &p.have
	return k.Seq != 0 && k.Seq == h.Key && k.Boot == h.Boot && k.Part == h.Part && k.Parts == h.Parts && k.Agent == h.Agent
}

// Key returns the decoded keyframe, nil if there is none.
func (p *PartDecoder[T]) Key() *T {
	if p.have.Seq == 0 {
		return nil
	}
	return p.key
}

// Next decodes a frame: a delta into dst, a keyframe into what is kept. It returns
// where the frame is. The errors are those of Decode and Keyframe.
func (p *PartDecoder[T]) Next(h *Header, data []byte, dst *T) (*T, error) {
	if !p.HasKey(h) {
		raw := data
		if !h.Keyframe() {
			if p.Keyframe == nil {
				return nil, ErrNoKey
			}
			var err error
			if raw, err = p.Keyframe(h); err != nil {
				return nil, err
			}
		}
		if err := p.keep(h, raw); err != nil {
			return nil, err
		}
	}
	if h.Keyframe() {
		return p.key, nil
	}
	if err := p.Decode(h, data, p.key, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// keep decodes the keyframe of h.
func (p *PartDecoder[T]) keep(h *Header, data []byte) error {
	p.have.Seq = 0
	if p.key == nil || p.Shared {
		p.key = new(T)
	}
	key := *h
	key.Seq = h.Key
	if err := p.Decode(&key, data, nil, p.key); err != nil {
		return err
	}
	p.have = key
	return nil
}
