package wire

import "io"

// Decoder takes bytes in pieces of any size and returns messages. The zero value is ready.
type Decoder struct {
	in   []byte // what is not decoded yet; the caller's memory, or kept's
	kept []byte // the beginning of a message, until the rest comes
	err  error
}

// Feed gives the next bytes. They may be changed again once Next has returned false. Call it
// only then.
func (d *Decoder) Feed(p []byte) {
	if len(d.kept) == 0 {
		d.in = p
		return
	}
	d.kept = append(d.kept, p...)
	d.in = d.kept
}

// Next returns the next message, or false if it has not come in whole. The message's Data is
// valid until the next call of Next or Feed.
func (d *Decoder) Next() (m Message, ok bool, err error) {
	if d.err != nil {
		return m, false, d.err
	}
	m, n, err := Parse(d.in)
	if err != nil {
		d.err = err
		return m, false, err
	}
	if n > 0 {
		d.in = d.in[n:]
		return m, true, nil
	}
	d.kept = append(d.kept[:0], d.in...) // an overlapping copy towards the front, or of the caller's
	d.in = nil
	return m, false, nil
}

// Partial reports whether the beginning of a message has come whose rest has not.
func (d *Decoder) Partial() bool { return len(d.kept) > 0 || len(d.in) > 0 }

// Reader reads messages from a connection.
type Reader struct {
	r   io.Reader
	d   Decoder
	buf []byte
}

// NewReader returns a reader with a buffer of some bytes.
func NewReader(r io.Reader, size int) *Reader { return &Reader{r: r, buf: make([]byte, size)} }

// Next returns the next message. Its Data is valid until the next call. The error is io.EOF
// at the end between two messages, and io.ErrUnexpectedEOF inside one.
func (r *Reader) Next() (Message, error) {
	for {
		m, ok, err := r.d.Next()
		if ok || err != nil {
			return m, err
		}
		n, err := r.r.Read(r.buf)
		r.d.Feed(r.buf[:n])
		if n == 0 && err != nil {
			if err == io.EOF && r.d.Partial() {
				err = io.ErrUnexpectedEOF
			}
			return Message{}, err
		}
	}
}
