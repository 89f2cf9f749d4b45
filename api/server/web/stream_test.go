package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// A stream goes on after the server's deadlines for other answers, and ends when the
// server shuts down.
func TestStream(t *testing.T) {
	ended := make(chan error, 1)
	lines := make(chan string)
	routes := []Route{{Method: "GET", Path: "/stream", Stream: true,
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			s := http.NewResponseController(w)
			if err := errors.Join(s.SetReadDeadline(time.Time{}), s.SetWriteDeadline(time.Time{})); err != nil {
				t.Error(err)
			}
			for {
				select {
				case <-r.Context().Done():
					ended <- r.Context().Err()
					return nil
				case line := <-lines:
					if _, err := io.WriteString(w, line); err != nil {
						t.Error(err)
					}
					if err := s.Flush(); err != nil {
						t.Error(err)
					}
				}
			}
		}}}
	log := slog.New(slog.DiscardHandler)
	srv := NewHTTPServer(Bounded(Mux(routes, "", log)), log)
	srv.ReadTimeout = 200 * time.Millisecond // 1 minute otherwise
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	go func() { lines <- "first\n" }()
	resp, err := http.Get("http://" + l.Addr().String() + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); line != "first\n" {
		t.Fatalf("%q, %v", line, err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the stream ended after the server's deadline for requests: %v", err)
	case <-time.After(600 * time.Millisecond):
	}
	lines <- "second\n"
	if line, err := body.ReadString('\n'); line != "second\n" {
		t.Fatalf("%q, %v", line, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
