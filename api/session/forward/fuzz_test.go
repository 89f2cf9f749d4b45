package forward

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// frame is a frame of the multiplexer's, as its specification has it.
func frame(kind byte, flags uint16, stream, length uint32, data string) []byte {
	b := []byte{0, kind}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(binary.BigEndian.AppendUint32(b, length), data...)
}

// seeds are what the other side may say, rightly or wrongly.
func seeds(f *testing.F) {
	for _, b := range [][]byte{
		nil, frame(1, 1, 1, 0, ""), frame(0, 1, 1, 2, "\x00\x50"), frame(0, 1, 1, 3, "\x00\x50x"), frame(2, 1, 0, 7, ""),
		frame(3, 0, 0, 0, ""), frame(0, 1, 1, 1<<31, "x"), frame(1, 8, 1, 0, ""), frame(7, 0, 0, 0, ""),
		append(frame(1, 1, 1, 0, ""), frame(1, 1, 1, 0, "")...), append(frame(1, 1, 1, 0, ""), frame(0, 4, 1, 0, "")...),
		append(frame(0, 1, 1, 2, "\x00\x50"), frame(1, 8, 1, 0, "")...), frame(0, 1, 2, 1, "x"),
	} {
		f.Add(b)
	}
}

// ends reports whether something ends in time.
func ends(t *testing.T, what <-chan error) {
	t.Helper()
	select {
	case <-what:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

// Nothing that a client sends harms the tool, which ends with its input.
func FuzzServe(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- Serve(far, []uint16{9}) }()
		go io.Copy(io.Discard, near)
		near.SetWriteDeadline(time.Now().Add(5 * time.Second))
		near.Write(b)
		near.Close()
		ends(t, served)
	})
}

// Nothing that a program in a container sends in place of the tool harms the client.
func FuzzClient(f *testing.F) {
	seeds(f)
	f.Add(frame(1, 2, 1, 0, ""))
	f.Add(append(frame(1, 2, 1, 0, ""), frame(0, 4, 1, 5, "\x01\x1b[2J")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		c, err := NewClient(near)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		local, user := net.Pipe()
		go io.Copy(io.Discard, user)
		go func() { done <- c.Forward(t.Context(), half{local}, 80) }()
		go io.Copy(io.Discard, far)
		far.SetWriteDeadline(time.Now().Add(5 * time.Second))
		far.Write(b)
		far.Close()
		ends(t, done)
		user.Close()
		c.Close()
	})
}

// half is a net.Pipe as a Local.
type half struct{ net.Conn }

func (h half) CloseWrite() error { return nil }
func (h half) Abort()            { h.Close() }

// An answer is read to its end, and shows nothing on a terminal but letters.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{connected})
	f.Add([]byte("\x01text \x1b[2J"))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := readAnswer(bytes.NewReader(b), 80)
		if (err == nil) != (len(b) > 0 && b[0] == connected) {
			t.Errorf("%q: %v", b, err)
		}
		if err == nil {
			return
		}
		for _, c := range []byte(err.Error()) {
			if c < ' ' || c > '~' {
				t.Errorf("%q: %q", b, err)
			}
		}
	})
}
