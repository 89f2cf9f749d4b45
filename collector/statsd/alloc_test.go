//go:build !race

package statsd

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
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

// The drops of a container that has sent before do not allocate either.
func TestDropsAllocateNothing(t *testing.T) {
	r, senders := newDropRig(t)
	now := time.Now()
	tick := func() {
		r.hold()
		for _, b := range senders {
			b.send(t, 300)
		}
		r.release()
		now = now.Add(time.Second)
		r.Tick(now, r.parent)
	}
	for range 5 {
		tick()
	}
	before := r.Stats().Ledger[metric.StatsdKernelDrops]
	if n := testing.AllocsPerRun(20, tick); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
	if after := r.Stats().Ledger[metric.StatsdKernelDrops]; after == before {
		t.Error("nothing was dropped")
	}
}
