//go:build !race

package bounded

import (
	"testing"
	"time"
)

func TestPoolAllocatesNothing(t *testing.T) {
	p := open(t)
	late := hung(t)
	late.Await = false
	p.Start(late, 0)
	var calls [8]*Call
	for i := range calls {
		calls[i] = &Call{Run: func() {}, Await: true}
	}
	round := func() {
		for _, c := range calls {
			p.Start(c, 0)
		}
		p.Wait(10 * time.Second)
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}
