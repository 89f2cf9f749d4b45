package logs

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// A client that took too long is told so by an entry, and comes back after a connection
// that is reset.
func TestSlowFollower(t *testing.T) {
	var log rig.Buffer
	f := newFixtureWith(t, logstream.Options{Slow: 200 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 64 {
		f.store.Add(testlogs.Line("A", "C", "STDOUT", strings.Repeat("x", 1<<20), i))
	}
	resp := f.do(v2+"/component?skip=-64", "Accept", eventsType)
	time.Sleep(time.Second) // the buffers of the connection are full long before
	b, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended with %v", err)
	}
	if !bytes.Contains(b, []byte(`"DAYTWO_EVENT":"slow_reader"`)) {
		t.Errorf("no event at the end: %q", b[max(0, len(b)-300):])
	}
}

// An error ends a stream with an entry that says so, and is logged.
func TestFollowerEndsByError(t *testing.T) {
	var log rig.Buffer
	f := newFixtureWith(t, logstream.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	f.lines(1, 1)
	s := f.stream(v1 + "/stream/")
	s.want("line 1")
	f.store.Fail(errors.New("the disk is gone"))
	s.want("-- reading ended: the disk is gone --")
	if _, err := io.ReadAll(s.body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended with %v", err)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		if !strings.Contains(log.String(), "the disk is gone") {
			return errors.New("the log has: " + log.String())
		}
		return nil
	})
}
