package cli

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session/archive"
)

func TestCopyOperands(t *testing.T) {
	for in, want := range map[string]operand{
		"web:/etc": {"web", "/etc"}, "web:etc": {"web", "etc"}, "a.b-1:/x:y": {"a.b-1", "/x:y"}, "web:": {"web", ""},
		"/etc": {"", "/etc"}, "./a:b": {"", "./a:b"}, "../a:b": {"", "../a:b"}, "a/b:c": {"", "a/b:c"}, "-": {"", "-"},
		":/x": {"", ":/x"}, "file": {"", "file"},
	} {
		if got := parseOperand(in); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
	for in, want := range map[string]struct {
		path                string
		contents, directory bool
	}{
		"/etc": {"/etc", false, false}, "etc/": {"/etc", false, true}, "/etc/.": {"/etc", true, true},
		"/": {"/", true, true}, ".": {"/", true, true}, "../../etc/../x": {"/x", false, false},
	} {
		path, contents, directory := inContainer(in)
		if path != want.path || contents != want.contents || directory != want.directory {
			t.Errorf("%q: %q %v %v", in, path, contents, directory)
		}
	}
}

// What a container says cannot control the terminal.
func TestCopyToolErrors(t *testing.T) {
	var b bytes.Buffer
	w := &toolErrors{&copyRun{errs: &b}}
	if n, err := w.Write([]byte("one\x1b[2J\rx\n\u009btwo")); n != 15 || err != nil {
		t.Error(n, err)
	}
	if got := b.String(); got != "one?[2J?x\n?two" {
		t.Errorf("%q", got)
	}
}

func TestCopyProgress(t *testing.T) {
	s := archive.State{Name: "a\x1b/big", Done: 1 << 20, Size: 4 << 20, Summary: archive.Summary{Files: 3, Bytes: 2 << 20}}
	want := `[#####               ]  25%  2.00MiB  1.00MiB/s  3 files  "a\x1b/big"`
	if got := progressLine(s, 2*time.Second); got != want {
		t.Errorf("%q", got)
	}
}

// The buffer passes all bytes on in order, however they are cut, and ends on both sides.
func TestCopyBuffer(t *testing.T) {
	in := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(in)
	b := newCopyBuffer(10_000)
	go func() {
		for rest := in; len(rest) > 0; {
			n, err := b.Write(rest[:min(len(rest), 1+rand.IntN(30_000))])
			if err != nil {
				t.Error(err)
			}
			rest = rest[n:]
		}
		b.Close()
	}()
	out, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(in, out) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	full := newCopyBuffer(10)
	time.AfterFunc(10*time.Millisecond, func() { full.refuse(io.ErrShortWrite) })
	if n, err := full.Write(make([]byte, 11)); n != 10 || err != io.ErrShortWrite {
		t.Error(n, err)
	}
}
