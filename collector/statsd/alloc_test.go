//go:build !race

package statsd

import (
	"testing"
	"time"
)

func TestHandleAllocatesNothing(t *testing.T) {
	r := newRig(t, Options{NoBPF: true})
	batch := r.batch(64)
	step := func() { r.handle(0, batch) }
	step()
	if n := testing.AllocsPerRun(20, step); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
	now := time.Now()
	tick := func() {
		r.handle(0, batch)
		now = now.Add(time.Second)
		r.Tick(now, r.parent)
	}
	for range 5 {
		tick()
	}
	if n := testing.AllocsPerRun(20, tick); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}
