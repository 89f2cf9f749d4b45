package server

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/rig/history"
)

// historyOf is what a relay serves that was sent these ticks.
func historyOf(t testing.TB, ticks ...*frame.Batch) Options {
	t.Helper()
	h := history.New(t)
	for _, b := range ticks {
		h.Put(b)
	}
	return Options{Fleet: h.Fleet, History: h.Store}
}
