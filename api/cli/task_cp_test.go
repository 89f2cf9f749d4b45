package cli

import (
	"bytes"
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
