package sinks

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"iter"
	"net"
	"os"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// kind is the configuration of a kind of receiver.
type kind interface {
	Check() error
	Open() (sink.Sink, error)
}

// open returns a sink.
func open(t testing.TB, c kind) sink.Sink {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// delivered fails unless all records were delivered.
func delivered(t testing.TB, res sink.Result) {
	t.Helper()
	if res.Err != nil || len(res.Retry)+len(res.TooLarge)+len(res.Refused) > 0 {
		t.Fatalf("%v, retry %v, too large %v, refused %v", res.Err, res.Retry, res.TooLarge, res.Refused)
	}
}

func port(t testing.TB) string {
	t.Helper()
	_, p, err := net.SplitHostPort(rig.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lines yields the whole lines of a file, which may not be there yet.
func lines(t testing.TB, path string) iter.Seq[[]byte] {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Lines(b[:bytes.LastIndexByte(b, '\n')+1])
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
