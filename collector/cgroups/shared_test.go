package cgroups

import (
	"sync"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// shared is one walk of this machine for all tests that only read with it: the kernel
// takes seconds to verify its programs, minutes where it is emulated. Like that of a
// collector it has seen groups come and go before.
var shared = sync.OnceValues(func() (*walk, error) {
	l, err := Detect()
	if err != nil {
		return nil, err
	}
	w, err := newWalk(l)
	if err == nil {
		rig.AtEnd(func() { w.Close() })
	}
	return w, err
})

// sharedWalk returns the shared walk. It skips the test if BPF cannot run here.
func sharedWalk(t testing.TB) *walk {
	t.Helper()
	w, err := shared()
	if err != nil {
		rig.Missing(t, "the BPF walk", err.Error(), "a kernel with BTF, and root")
	}
	return w
}

// keptWalk is a walk that outlives its Reader.
type keptWalk struct{ *walk }

func (keptWalk) Close() error { return nil }

// sharedReader is openReader with the shared walk, or without one.
func sharedReader(t testing.TB, o Options) *Reader {
	t.Helper()
	if o.NoBPF {
		return openReader(t, o)
	}
	w := sharedWalk(t)
	o.Layout = w.layout
	r, err := newReader(o, keptWalk{w}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}
