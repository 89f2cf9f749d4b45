package logstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/bench/rig"
)

// source makes the records of a stream.
type source func(ctx context.Context) (entry.Record, error)

func (s source) Next(ctx context.Context) (entry.Record, error) { return s(ctx) }

func (source) Close() error { return nil }

func message(s string) entry.Record {
	return entry.Record{Entry: &entry.Entry{Fields: []entry.Field{{Name: "MESSAGE", Value: []byte(s)}}}}
}

// plain appends messages, and events in square brackets.
func plain(dst []byte, rec entry.Record) []byte {
	switch {
	case rec.Entry != nil:
		return append(dst, rec.Entry.Fields[0].Value...)
	case rec.Event != nil:
		return append(append(append(append(dst, '['), rec.Event.Kind...), rec.Event.Message...), ']')
	}
	return append(dst, "ping"...)
}

// ending is what Copy returned.
type ending struct {
	more bool
	err  error
}

// serve answers with a live stream of a source, which ends with what the channel returns.
func serve(t *testing.T, o Options, limit int64, from source) (*Streams, *http.Response, <-chan ending) {
	t.Helper()
	set := New(o)
	ended := make(chan ending, 1)
	quiet := slog.New(slog.DiscardHandler)
	h := web.Mux([]web.Route{{Method: "GET", Path: "/stream", Stream: true,
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			s := set.Open(w, r, w, true, plain)
			defer s.Close()
			more, err := s.Copy(r.Context(), from, limit)
			ended <- ending{more, err}
			return nil
		}}}, "", quiet)
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	resp, err := http.Get(srv.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return set, resp, ended
}

func TestWritesAll(t *testing.T) {
	const lines = 100_000
	n := 0
	set, resp, ended := serve(t, Options{}, -1, func(context.Context) (entry.Record, error) {
		if n++; n > lines {
			return entry.Record{}, io.EOF
		}
		return message(strconv.Itoa(n) + "\n"), nil
	})
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(string(b), "\n")
	if len(got) != lines+1 || got[lines] != "" {
		t.Fatalf("%d lines, the last %q", len(got), got[len(got)-1])
	}
	for i, l := range got[:lines] {
		if l != strconv.Itoa(i+1) {
			t.Fatalf("line %d is %q", i+1, l)
		}
	}
	if e := <-ended; e.err != nil || e.more {
		t.Errorf("%+v", e)
	}
	var metrics bytes.Buffer
	set.WriteMetrics(&metrics)
	for _, want := range []string{"streams_total 1", "entries_total 100000", fmt.Sprint("bytes_total ", len(b)),
		"slow_readers_total 0"} {
		if !strings.Contains(metrics.String(), "\ndaytwo_logs_"+want+"\n") {
			t.Errorf("not there: %s\n%s", want, metrics.String())
		}
	}
}

func TestLimit(t *testing.T) {
	for limit, more := range map[int64]bool{0: true, 2: true, 3: false, 4: false} {
		n := 0
		_, resp, ended := serve(t, Options{}, limit, func(context.Context) (entry.Record, error) {
			if n++; n > 3 {
				return entry.Record{}, io.EOF
			}
			return message(strconv.Itoa(n)), nil
		})
		b, err := io.ReadAll(resp.Body)
		if e := <-ended; err != nil || e.err != nil || e.more != more || string(b) != "123"[:min(limit, 3)] {
			t.Errorf("limit %d: %q, %+v, %v", limit, b, e, err)
		}
	}
}

// A record is sent although the next one does not come, and a client that reads nothing
// stops the source.
func TestSendsAtOnceAndWaits(t *testing.T) {
	more := make(chan struct{})
	var produced atomic.Int64
	first := true
	_, resp, ended := serve(t, Options{}, -1, func(context.Context) (entry.Record, error) {
		if first {
			first = false
			return message("first\n"), nil
		}
		<-more
		produced.Add(1)
		return message(strings.Repeat("x", 16<<10)), nil
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
		t.Errorf("%d records of 16 KiB were taken from the source of a client that reads nothing", last)
	}
	resp.Body.Close()
	if e := <-ended; e.err == nil || errors.Is(e.err, ErrBroken) {
		t.Errorf("the client has gone: %v", e.err)
	}
}

// A second record within a millisecond does not wait for a third.
func TestSendsLate(t *testing.T) {
	n := 0
	_, resp, _ := serve(t, Options{}, -1, func(ctx context.Context) (entry.Record, error) {
		if n++; n > 5 {
			<-ctx.Done()
			return entry.Record{}, ctx.Err()
		}
		return message("x"), nil
	})
	b := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, b); err != nil {
		t.Fatal(err)
	}
}

// An error of the reader is told to the client, logged and counted.
func TestErrorsOfReaders(t *testing.T) {
	for kind, fault := range map[entry.Kind]error{
		entry.Unreadable: errors.New("the disk is gone"), entry.NodeAway: fmt.Errorf("b: %w", query.ErrNodeAway),
	} {
		var log rig.Buffer
		first := true
		set, resp, ended := serve(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, -1,
			func(context.Context) (entry.Record, error) {
				if first {
					first = false
					return message("one"), nil
				}
				return entry.Record{}, fault
			})
		b, err := io.ReadAll(resp.Body)
		want := "one[" + string(kind) + "reading ended: " + fault.Error() + "]"
		if e := <-ended; err != nil || string(b) != want || !errors.Is(e.err, ErrBroken) {
			t.Errorf("%s: %q, %v, %v", kind, b, e.err, err)
		}
		if !strings.Contains(log.String(), fault.Error()) || set.failed.Load() != 1 {
			t.Errorf("%s: %d failures, log: %s", kind, set.failed.Load(), log.String())
		}
	}
}
