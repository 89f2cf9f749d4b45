package intake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Streams carry frames with a length, or lines. Each framing handles the end of a
// connection as specified.
func TestKernelUnixStream(t *testing.T) {
	in, g := start(t, Options{Workers: 1}) // several would deliver out of order
	path := filepath.Join(t.TempDir(), "s")
	if _, err := in.ListenUnixStream(Unix{Path: path}); err != nil {
		t.Fatal(err)
	}
	frame := func(s string) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	long := strings.Repeat("l", slotSize)
	n := 0
	check := func(send string, want ...string) {
		t.Helper()
		c := dial(t, "unix", path)
		for b := []byte(send); len(b) > 0; { // in pieces of odd sizes
			k := min(len(b), 40961)
			if _, err := c.Write(b[:k]); err != nil {
				t.Fatal(err)
			}
			b = b[k:]
		}
		c.Close()
		var joined strings.Builder
		total := len(strings.Join(want, ""))
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end) &&
			joined.Len() < total; time.Sleep(time.Millisecond) {
			joined.Reset()
			g.mu.Lock()
			for _, p := range g.packets[n:] {
				fmt.Fprintf(&joined, "%s", p.Data)
				if p.Truncated {
					joined.WriteByte('~')
				}
				if int(p.Source.PID) != os.Getpid() {
					t.Errorf("from %+v", p.Source)
				}
			}
			g.mu.Unlock()
		}
		time.Sleep(5 * time.Millisecond) // nothing more should arrive
		g.mu.Lock()
		n = len(g.packets)
		g.mu.Unlock()
		if joined.String() != strings.Join(want, "") {
			t.Errorf("got %.80q (%d bytes), want %.80q (%d bytes)", joined.String(), joined.Len(), strings.Join(want, ""), total)
		}
	}
	check(frame("a:1|c")+frame("")+frame("b:1|c\nc:1|c"), "a:1|c", "b:1|c\nc:1|c")
	check(frame(long)+frame("x"), long, "x")
	check(frame("a:1|c")+frame("broken off")[:9], "a:1|c", "broke~")
	check(frame("a:1|c")+"\x01\x00\x01\x00too long", "a:1|c", "too long~")
	check("a:1|c\nb:1|c\nlast:1|c", "a:1|c\nb:1|c\n", "last:1|c")
	check("a", "a")
	check(long+"more\nb:1|c\n", long+"~", "b:1|c\n")
	check(strings.Repeat("0123456789:1|c\n", 20000), strings.Repeat("0123456789:1|c\n", 20000))
}

// Connections above the limit are refused and counted.
func TestStreamLimit(t *testing.T) {
	in, g := start(t, Options{})
	path := filepath.Join(t.TempDir(), "s")
	l, err := in.ListenUnixStream(Unix{Path: path, Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c := dial(t, "unix", path)
		c.Write([]byte("a:1|c\n")) // fails if the connection was refused
	}
	g.wait(t, 2)
	for end := time.Now().Add(5 * time.Second); l.Counts().Refused != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("counts %+v", l.Counts())
		}
	}
}

// Whatever a connection sends, in pieces of any size, no byte of a valid line is lost or
// duplicated, and nothing panics.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a:1|c\nb:1|c\n"), uint16(3), byte(0))
	f.Add([]byte("\x05\x00\x00\x00a:1|c\x00"), uint16(1), byte(0))
	f.Add(bytes.Repeat([]byte("x"), 3*slotSize), uint16(50000), byte(2))
	f.Fuzz(func(t *testing.T, in []byte, piece uint16, framing byte) {
		var out []byte
		p := splitter{framing: Framing(framing % 3), emit: func(b []byte, truncated bool) {
			if len(b) > slotSize {
				t.Fatalf("a packet of %d bytes", len(b))
			}
			out = append(out, b...)
		}}
		for rest := in; len(rest) > 0; {
			n := copy(p.space(), rest[:min(len(rest), int(piece)+1)])
			if n == 0 {
				t.Fatal("no space left")
			}
			rest = rest[n:]
			if !p.add(n) {
				return
			}
		}
		p.end()
		if p.framing != FramingLength && !p.skip && !bytes.Contains(in, bytes.Repeat([]byte("x"), 100)) &&
			len(in) < slotSize && !bytes.Equal(out, in) {
			t.Fatalf("out %q, in %q", out, in)
		}
	})
}
