package logdriver

// tail is a text that is written from its end.
type tail struct {
	b []byte
	n int // bytes that are written, at the end of b
}

// Sizes of the memory of a tail, in bytes.
const (
	leastTail = 64 << 10
	keptTail  = 1 << 20 // larger ones are not kept for the next text
)

func (t *tail) reset() {
	if t.n = 0; len(t.b) > keptTail {
		t.b = nil
	}
}

func (t *tail) bytes() []byte { return t.b[len(t.b)-t.n:] }

func (t *tail) prepend(text []byte) {
	if need := t.n + len(text); need > len(t.b) {
		b := make([]byte, max(need, leastTail, min(2*len(t.b), MaxPart)))
		copy(b[len(b)-t.n:], t.bytes())
		t.b = b
	}
	t.n += len(text)
	copy(t.b[len(t.b)-t.n:], text)
}
