package rpc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/rpc"
)

// Close tells the other end at once that nobody reads any more: its handler ends, long
// before its silence timer would end the stream. The handler sends nothing: the answer to
// what it sends would say the same.
func TestCloseStopsTheOtherEnd(t *testing.T) {
	ended := make(chan error, 1)
	p := newPair(t, map[string]rpc.Handler{"waits": func(ctx context.Context, _ []byte, s *rpc.Stream) error {
		if err := s.Send(ctx, []byte("open")); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}})
	s := p.open("waits", "")
	if _, err := s.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	select {
	case err := <-ended:
		if !strings.Contains(err.Error(), "the other end reads no more") {
			t.Error(err)
		}
	case <-time.After(4 * time.Second): // after 5 s a ping would find out
		t.Error("the other end does not learn that the stream was closed")
	}
}

// A second CloseSend does nothing: the other end reads the end of the stream as the first
// one said it, once, and its answer arrives.
func TestCloseSendTwice(t *testing.T) {
	ends := make(chan error, 4)
	p := newPair(t, map[string]rpc.Handler{"reads": func(ctx context.Context, _ []byte, s *rpc.Stream) error {
		for range 2 {
			_, err := s.Recv(ctx)
			ends <- err
		}
		return s.Send(ctx, []byte("answer"))
	}})
	s := p.open("reads", "")
	s.CloseSend(nil)
	s.CloseSend(errors.New("a second end"))
	if b, err := s.Recv(t.Context()); err != nil || string(b) != "answer" {
		t.Errorf("%q, %v", b, err)
	}
	for range 2 {
		if err := <-ends; err != io.EOF {
			t.Errorf("the other end reads %v, want io.EOF", err)
		}
	}
}
