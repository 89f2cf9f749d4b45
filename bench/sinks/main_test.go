package sinks

import (
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
func open(t *testing.T, c kind) sink.Sink {
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
func delivered(t *testing.T, res sink.Result) {
	t.Helper()
	if res.Err != nil || len(res.Retry)+len(res.TooLarge)+len(res.Refused) > 0 {
		t.Fatalf("%v, retry %v, too large %v, refused %v", res.Err, res.Retry, res.TooLarge, res.Refused)
	}
}

func port(t *testing.T) string {
	t.Helper()
	_, p, err := net.SplitHostPort(rig.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
