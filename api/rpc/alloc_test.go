//go:build !race

package rpc

import (
	"context"
	"testing"
	"time"
)

// Bytes that pass a stream cost no allocation at either end, nor do credits. (What nats.go
// allocates for a message comes beside it.)
func TestStreamAlloc(t *testing.T) {
	var there *Stream
	packets := make([][]byte, 64) // a receiver keeps them
	for i := range packets {
		packets[i] = make([]byte, 0, maxWideChunk+16)
	}
	next := 0
	here := newStream(t.Context(), func(p []byte) error {
		packets[next%64] = append(packets[next%64][:0], p...)
		there.take(packets[next%64])
		next++
		return nil
	}, func() {})
	there = newStream(t.Context(), func(p []byte) error { here.take(p); return nil }, func() {})
	defer here.end(errUnknown)
	defer there.end(errUnknown)
	there.SetWindow(512 << 10)
	there.mu.Lock()
	err := there.sayCredit()
	there.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 100<<10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := testing.AllocsPerRun(100, func() {
		for range 20 { // which has credits in it
			if err := here.Send(ctx, data); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < len(data); {
				p, err := there.Recv(ctx)
				if err != nil {
					t.Fatal(err)
				}
				got += len(p)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
