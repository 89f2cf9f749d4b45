package entry

import "encoding/binary"

// input reads from bytes. After a mistake bad is set, and everything else is zero.
type input struct {
	b   []byte
	bad bool
}

func (r *input) fail() {
	r.bad, r.b = true, nil
}

func (r *input) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *input) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of at most limit.
func (r *input) count(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.fail()
		return 0
	}
	return int(v)
}

// take returns the next n bytes.
func (r *input) take(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// bytes reads at most limit bytes, after their number.
func (r *input) bytes(limit int) []byte { return r.take(r.count(limit)) }
