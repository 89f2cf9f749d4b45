package wire

import "encoding/binary"

// fieldReader reads the fields of a message. After a field that is not there, bad is set and
// everything reads as zero.
type fieldReader struct {
	p   []byte
	bad bool
}

func (r *fieldReader) byte() byte {
	if len(r.p) == 0 {
		r.bad = true
		return 0
	}
	b := r.p[0]
	r.p = r.p[1:]
	return b
}

func (r *fieldReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.p, r.bad = nil, true
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *fieldReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.p)) {
		r.p, r.bad = nil, true
		return ""
	}
	s := string(r.p[:n])
	r.p = r.p[n:]
	return s
}

func (r *fieldReader) rest() []byte {
	p := r.p
	r.p = nil
	if len(p) == 0 {
		return nil
	}
	return p
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// cut bounds a text of a message.
func cut(s string) string { return s[:min(len(s), maxText)] }

const maxText = 4096
