package logs

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/bench/rig"
)

// stalled opens a stream, and reads nothing of it.
func (s *site) stalled(path string) *net.TCPConn {
	s.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	tcp := c.(*net.TCPConn)
	_ = tcp.SetReadBuffer(128 << 10)
	fmt.Fprintf(c, "GET /api/v1/logs%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	return tcp
}

// big adds entries of 1 MiB each.
func (s *site) big(n int) {
	for i := range n {
		s.logs.Say(start+int64(100+i)*1e6, "web", strings.Repeat("x", 1<<20))
	}
}

// A client that reads nothing is cut off, and stops nobody else.
func TestStalledClient(t *testing.T) {
	s := serve(t, func(o *Options) {
		o.Streams = logstream.New(logstream.Options{Stall: 300 * time.Millisecond})
	})
	s.big(32)
	s.stalled("?follow=1&since=-1000d&format=json")
	next, end := s.follow("?follow=1&since=-1000d&task=db")
	defer end()
	for range 50 {
		next()
	}
	s.readers(1)
}

// One that took too long for a part, and then goes on, is told to ask again.
func TestSlowClient(t *testing.T) {
	s := serve(t, func(o *Options) {
		o.Streams = logstream.New(logstream.Options{Slow: 200 * time.Millisecond, Stall: time.Minute})
	})
	s.big(32)
	c := s.stalled("?follow=1&since=-1000d&format=json")
	var sent string
	rig.Eventually(t, 30*time.Second, func() error { // no part is sent for longer than Slow
		var metrics strings.Builder
		s.api.o.Streams.WriteMetrics(&metrics)
		_, rest, _ := strings.Cut(metrics.String(), "\ndaytwo_logs_bytes_total ")
		n, _, _ := strings.Cut(rest, "\n")
		if n == "0" || n != sent {
			sent = n
			time.Sleep(500 * time.Millisecond)
			return fmt.Errorf("%s bytes were sent", n)
		}
		return nil
	})
	tail := make([]byte, 0, 1<<16)
	buf := make([]byte, 1<<16)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		n, err := c.Read(buf)
		tail = append(tail, buf[:n]...)
		if len(tail) > 1<<12 {
			tail = append(tail[:0], tail[len(tail)-1<<12:]...)
		}
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if strings.Contains(string(tail), `"event":"slow_reader"`) || err == io.EOF {
			break
		}
	}
	if !strings.Contains(string(tail), `"event":"slow_reader"`) {
		t.Errorf("no event at the end: %q", tail[max(0, len(tail)-300):])
	}
	s.readers(0)
}

// When the server ends, streams end at once, in a way that a client can tell from the end of
// the entries.
func TestServerEnds(t *testing.T) {
	s := serve(t)
	resp := s.open("?follow=1&limit=1&format=json")
	defer resp.Body.Close()
	s.readers(1)
	go s.srv.Shutdown(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, resp.Body)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the stream seems complete")
		}
	case <-time.After(20 * time.Second):
		t.Error("the stream goes on")
	}
	s.readers(0)
}
