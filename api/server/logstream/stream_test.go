package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var errEnd = errors.New("end")

func serveStream(t *testing.T, handle func(s *Stream)) *http.Response {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { handle(NewStream(w)) }))
	t.Cleanup(srv.Close)
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestPumpWritesAll(t *testing.T) {
	const parts = 100_000
	resp := serveStream(t, func(s *Stream) {
		n := 0
		err := s.Pump(func(dst []byte) ([]byte, error) {
			if n++; n > parts {
				return append(dst, "last"...), errEnd
			}
			return append(strconv.AppendInt(dst, int64(n), 10), '\n'), nil
		})
		if !errors.Is(err, errEnd) {
			t.Error(err)
		}
	})
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != parts+1 || lines[parts] != "last" {
		t.Fatalf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	for i, l := range lines[:parts] {
		if l != strconv.Itoa(i+1) {
			t.Fatalf("line %d is %q", i+1, l)
		}
	}
}

// A part is sent although the next one does not come, and a client that reads nothing
// stops the source.
func TestPumpSendsAtOnceAndWaits(t *testing.T) {
	more := make(chan struct{})
	var produced atomic.Int64
	ended := make(chan error, 1)
	resp := serveStream(t, func(s *Stream) {
		first := true
		ended <- s.Pump(func(dst []byte) ([]byte, error) {
			if first {
				first = false
				return append(dst, "first\n"...), nil
			}
			<-more
			produced.Add(1)
			return append(dst, make([]byte, 16<<10)...), nil
		})
	})
	b := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "first\n" {
		t.Fatalf("%q, %v", b, err)
	}
	close(more)
	last := int64(-1)
	for now := produced.Load(); now != last; now = produced.Load() { // until the buffers are full
		last = now
		time.Sleep(300 * time.Millisecond)
	}
	if last > 4096 { // 64 MiB: far more than the buffers of a connection
		t.Errorf("%d parts of 16 KiB were taken from the source of a client that reads nothing", last)
	}
	resp.Body.Close()
	if err := <-ended; err == nil || errors.Is(err, errEnd) {
		t.Errorf("the client has gone: %v", err)
	}
}
