package terminal

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// DetachKeys are the keys that detach from a session by default, as in Docker and DC/OS.
const DetachKeys = "ctrl-p,ctrl-q"

// ErrDetach says that the keys that detach were pressed.
var ErrDetach = errors.New("detached by keys")

// ParseKeys parses keys such as "ctrl-p,ctrl-q" or "ctrl-],d". "" is none.
func ParseKeys(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	var keys []byte
	for part := range strings.SplitSeq(s, ",") {
		name, ctrl := strings.CutPrefix(strings.ToLower(part), "ctrl-")
		switch {
		case !ctrl && len(part) == 1 && part[0] >= ' ' && part[0] <= '~':
			keys = append(keys, part[0])
		case ctrl && len(name) == 1 && name[0] >= 'a' && name[0] <= 'z':
			keys = append(keys, name[0]-'a'+1)
		case ctrl && len(name) == 1 && strings.Contains("@[\\]^_", name):
			keys = append(keys, name[0]-'@')
		default:
			return nil, fmt.Errorf("%q is not a key: write a character, or ctrl- and one of a-z @ [ \\ ] ^ _, "+
				"with commas between keys", part)
		}
	}
	return keys, nil
}

// Reader returns input without the keys that detach, and ErrDetach once they were pressed, one
// directly after the other. What may be their beginning is held back until the next key.
type Reader struct {
	r    io.Reader
	keys []byte
	seen int    // how many of keys were pressed
	out  []byte // read, and not returned
	err  error
	buf  [4096]byte
}

// NewReader returns a reader. Without keys it returns all input.
func NewReader(r io.Reader, keys []byte) *Reader { return &Reader{r: r, keys: keys} }

// Read implements io.Reader.
func (d *Reader) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		n, err := d.r.Read(d.buf[:])
		d.err = err
		d.take(d.buf[:n])
		if d.err != nil && d.err != ErrDetach { // it came instead of the other keys
			d.out = append(d.out, d.keys[:d.seen]...)
			d.seen = 0
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// take appends input to out, but for the keys.
func (d *Reader) take(p []byte) {
	d.out = d.out[:0]
	for i, b := range p {
		if len(d.keys) == 0 {
			d.out = append(d.out, p[i:]...)
			return
		}
		for d.seen > 0 && b != d.keys[d.seen] {
			d.miss()
		}
		if b != d.keys[d.seen] {
			d.out = append(d.out, b)
			continue
		}
		if d.seen++; d.seen == len(d.keys) {
			d.seen, d.err = 0, ErrDetach
			return
		}
	}
}

// miss returns what was held back and is not the beginning of the keys. Its end may be one.
func (d *Reader) miss() {
	for n := d.seen - 1; n >= 0; n-- {
		if string(d.keys[:n]) == string(d.keys[d.seen-n:d.seen]) {
			d.out = append(d.out, d.keys[:d.seen-n]...)
			d.seen = n
			return
		}
	}
}
