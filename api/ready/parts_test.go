package ready

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestParts(t *testing.T) {
	var p Parts
	want := func(text string) {
		t.Helper()
		if got := Text(p.Waiting()); got != text {
			t.Errorf("waiting for %q, want %q", got, text)
		}
	}
	want("process: it is starting")
	p.Expect("a", "b")
	want("a: it is starting; b: it is starting")
	p.Up("b")
	var state error
	p.Add("a", func() error { return state })
	p.Add("c", func() error { return errors.New("no") })
	want("c: no")
	state = errors.New("gone")
	want("a: gone; c: no")
	p.Up("c")
	want("a: gone")
	state = nil
	want("")
}

// A vital part is stuck only if it worked before.
func TestStuck(t *testing.T) {
	var p Parts
	state := errors.New("still to come")
	p.AddVital("ticks", func() error { return state })
	p.Add("nats", func() error { return errors.New("away") })
	if err := p.Stuck(); err != nil {
		t.Errorf("at the start: %v", err)
	}
	state = nil
	if err := p.Stuck(); err != nil {
		t.Error(err)
	}
	state = errors.New("hangs")
	if err := p.Stuck(); err == nil || err.Error() != "ticks: hangs" {
		t.Errorf("%v", err)
	}
	state = nil
	if err := p.Stuck(); err != nil {
		t.Errorf("it works again: %v", err)
	}
}

func TestWait(t *testing.T) {
	var p Parts
	p.Expect("a")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { p.Up("a") })
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Wait(ctx); err != nil || len(p.Waiting()) != 0 {
		t.Errorf("%v", err)
	}
}
