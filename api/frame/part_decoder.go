package frame

// PartDecoder decodes the frames of one part of an agent's successive ticks. It keeps the
// decoded keyframe, so that each delta needs one decoding only. T is the result: a Batch,
// Columns or Sketches. A PartDecoder is not safe for concurrent use.
type PartDecoder[T any] struct {
	// Decode decodes a frame into dst. key is the decoded keyframe, nil if the frame is a
	// keyframe. h has the frame's Agent, Boot, Seq, Key and Part.
	Decode func(h *Header, data []byte, key, dst *T) error

	// Keyframe returns the encoded keyframe of a delta. It is called if the kept keyframe
	// is another one. If it is nil, Next returns ErrNoKey then.
	Keyframe func(h *Header) ([]byte, error)

	// Shared means that results are still in use when the next keyframe arrives, which is
	// therefore decoded into new memory.
	Shared bool

	key  *T     // the decoded keyframe
	have Header // the header of key; its Seq is 0 if there is none
}

// HasKey reports whether the kept keyframe is the one to which h refers.
func (p *PartDecoder[T]) HasKey(h *Header) bool {
	k := &p.have
	return k.Seq != 0 && k.Seq == h.Key && k.Boot == h.Boot && k.Part == h.Part && k.Parts == h.Parts && k.Agent == h.Agent
}

// Key returns the kept keyframe, nil if there is none.
func (p *PartDecoder[T]) Key() *T {
	if p.have.Seq == 0 {
		return nil
	}
	return p.key
}

// Next decodes a frame, and returns dst for a delta, Key for a keyframe. Its errors are
// those of Decode and Keyframe.
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

// keep decodes the keyframe to which h refers, and keeps it.
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
