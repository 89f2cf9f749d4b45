package rpc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// joined returns two ends of a stream; what one says reaches the other unless it is lost.
func joined(t *testing.T) (a, b *Stream, lose *atomic.Bool) {
	lose = new(atomic.Bool)
	var ends [2]*Stream
	var queues [2]chan []byte // in order, and not under the sender's lock
	var work sync.WaitGroup
	for i := range ends {
		queues[i] = make(chan []byte, 1024)
		ends[i] = newStream(t.Context(), func(p []byte) error {
			if !lose.Load() {
				queues[1-i] <- append([]byte(nil), p...)
			}
			return nil
		}, nil)
		ends[i].accepted = true
	}
	for i := range ends {
		work.Go(func() {
			for p := range queues[i] {
				ends[i].take(p)
			}
		})
	}
	t.Cleanup(func() {
		lose.Store(true)
		a.Close()
		b.Close()
		for _, q := range queues {
			close(q)
		}
		work.Wait()
	})
	return ends[0], ends[1], lose
}

// The last message is lost, and nothing is sent after it: the state shows it.
func TestResyncShowsLostData(t *testing.T) {
	a, b, lose := joined(t)
	lose.Store(true)
	if err := a.Send(t.Context(), []byte("lost")); err != nil {
		t.Fatal(err)
	}
	lose.Store(false)
	a.resync()
	if _, err := b.Recv(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("%v, want ErrLost", err)
	}
}

// A credit is lost while the sender waits for it: the state gives it again.
func TestResyncGivesCreditAgain(t *testing.T) {
	a, b, _ := joined(t)
	for range Window / MaxChunk {
		if err := a.Send(t.Context(), make([]byte, MaxChunk)); err != nil {
			t.Fatal(err)
		}
		if p, err := b.Recv(t.Context()); err != nil || len(p) != MaxChunk {
			t.Fatal(len(p), err)
		}
	}
	a.mu.Lock()
	a.credited = 0 // as if no credit had come
	a.mu.Unlock()
	sent := make(chan error, 1)
	go func() { sent <- a.Send(t.Context(), []byte("x")) }()
	b.resync()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if p, err := b.Recv(t.Context()); err != nil || string(p) != "x" {
		t.Errorf("%q, %v", p, err)
	}
}

// A credit for more than was sent, or for less than was credited before, ends the stream:
// the other end would let it send without bound.
func TestWrongCredits(t *testing.T) {
	for _, taken := range []uint64{5, 0} {
		a, _, lose := joined(t)
		lose.Store(true)
		if err := a.Send(t.Context(), []byte("four")); err != nil {
			t.Fatal(err)
		}
		a.take(appendCredit(nil, 3, Window))
		a.take(appendCredit(nil, taken, Window))
		if err := a.Send(t.Context(), []byte("x")); err == nil || CodeOf(err) != Internal {
			t.Errorf("after a credit for %d: %v", taken, err)
		}
	}
}

// A wider window lets more bytes come, and no more than that.
func TestWiderWindow(t *testing.T) {
	const window = 512 << 10
	a, b, _ := joined(t)
	b.SetWindow(window)
	b.SetWindow(Window) // it never becomes less
	b.resync()          // so that a knows
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		a.mu.Lock()
		room := a.room
		a.mu.Unlock()
		if room == window {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("room for %d bytes", room)
		}
	}
	if err := a.Send(t.Context(), make([]byte, window)); err != nil {
		t.Fatal(err)
	}
	full, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := a.Send(full, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("more than the window was sent: %v", err)
	}
	for n := 0; n < window; {
		p, err := b.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(p)
	}
	if err := a.Send(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
	a.SetWindow(10 * MaxWindow)
	if a.window != MaxWindow {
		t.Errorf("a window of %d bytes", a.window)
	}
}
