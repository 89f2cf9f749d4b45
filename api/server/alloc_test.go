//go:build !race

package server

import (
	"io"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
)

// The collector updates every tick.
func TestLocalUpdateAllocatesNothing(t *testing.T) {
	l, b := NewLocal(testAgent, "node-1"), testBatch(100, true)
	update := func(dst *frame.Batch) { CopyBatch(dst, b) }
	l.Update(update)
	l.Update(update)
	if n := testing.AllocsPerRun(50, func() { l.Update(update) }); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}

// A scrape's allocations must not grow with its rows.
func TestExpositionAllocatesLittle(t *testing.T) {
	e, b := NewExposition(false), testBatch(300, true)
	write := func() {
		if err := e.Write(io.Discard, false, b); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if n := testing.AllocsPerRun(20, write); n > 20 {
		t.Errorf("%v allocations a scrape of %d rows", n, 300)
	}
}
