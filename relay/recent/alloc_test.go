//go:build !race

package recent

import (
	"errors"
	"runtime"
	"testing"

	"github.com/daytwo/daytwo/bench/load"
)

// Append allocates nothing per frame; queues and buffers grow now and then.
func TestAppendAllocates(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), MemoryBytes: 1 << 20}, load.NodeOptions{Containers: 20})
	w.ticks(200)
	h := w.node.Batch.Header
	data := w.next()[0] // a delta
	h.Key = w.node.Batch.Key
	if h.Key == w.node.Batch.Seq {
		t.Fatal("a keyframe")
	}
	h.Parts = 1
	got := testing.AllocsPerRun(1000, func() {
		h.Seq++
		h.Time += h.Interval
		_, err := w.store.Append(&h, data, nil)
		for ; errors.Is(err, ErrBusy); _, err = w.store.Append(&h, data, nil) {
			runtime.Gosched()
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a frame", got)
	}
}
