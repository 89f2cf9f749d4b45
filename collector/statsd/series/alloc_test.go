//go:build !race

package series

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestSteadyStateAllocatesNothing(t *testing.T) {
	rules, err := ReadRules(strings.NewReader(mappings))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Rules: rules}} {
		r := newRig(t, o)
		packet := []byte("a:1|c|#b:c,d\nb:2|g\nc:-3|c\nlat:5:6:7|ms|@0.1\nu:x|s\napi.get.users.time:5|ms\ndebug.x:1|" +
			"c\n_sc|x|0|h:web|#b:c\n_sc|y|1|m:text")
		w := r.s.Worker(0)
		parent := func(origin uint32) uint64 { return r.parent[origin] }
		step := func() {
			w.Begin()
			receive(w, r.p, 1, packet, r.now.UnixNano())
			w.End()
			r.now = r.now.Add(time.Second)
			r.s.Flush(r.now, parent)
		}
		for range 100 {
			step()
		}
		if n := testing.AllocsPerRun(100, step); n != 0 {
			t.Errorf("%v allocations a tick", n)
		}
	}
}

func TestOverflowAllocatesNothing(t *testing.T) {
	r := newRig(t, Options{Budget: 10})
	var packets [][]byte
	for i := range 2000 {
		packets = append(packets, fmt.Appendf(nil, "some.name.%d:1|c|#tag:%d,other:x", i, i))
	}
	w := r.s.Worker(0)
	i := 0
	step := func() {
		w.Begin()
		receive(w, r.p, 1, packets[i%len(packets)], r.now.UnixNano())
		w.End()
		i++
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// An event for which there is no room allocates nothing. Others only allocate their
// content.
func TestEventsAllocateLittle(t *testing.T) {
	r := newRig(t, Options{})
	packet := []byte(`_e{5,11}:title|text\nlines|h:web|t:error|#b:c,d` + "\n_e{1,1}:a|b")
	w := r.s.Worker(0)
	parent := func(origin uint32) uint64 { return r.parent[origin] }
	now := r.now.UnixNano()
	send := func() {
		w.Begin()
		receive(w, r.p, 1, packet, now)
		w.End()
	}
	for range 2 * mostEvents {
		send()
	}
	if n := testing.AllocsPerRun(1000, send); n != 0 {
		t.Errorf("%v allocations an event that is dropped", n)
	}
	step := func() {
		r.s.Flush(r.now, parent)
		send()
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 20 {
		t.Errorf("%v allocations of two events", n)
	}
	r.s.Flush(r.now, parent)
	if n := testing.AllocsPerRun(100, func() { r.s.Flush(r.now, parent) }); n != 0 {
		t.Errorf("%v allocations a tick without events", n)
	}
}

// A million counters take at most 256 MiB, including the tick's tables. A label that no
// two series share takes 40 bytes more. (Limits are in MiB.)
func TestMillionSeries(t *testing.T) {
	for form, most := range map[string]float64{"app.requests.%d:1|c": 240, "app.requests:1|c|#path:%d": 268} {
		r := newRig(t, Options{Budget: 1 << 20, Total: 1 << 20})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		w := r.s.Worker(0)
		var b []byte
		for i := range 1_000_000 {
			b = fmt.Appendf(b[:0], form, i)
			w.Begin()
			receive(w, r.p, 1, b, r.now.UnixNano())
			w.End()
		}
		made := time.Since(began)
		r.flush()
		began = time.Now()
		r.flush()
		took := time.Since(began)
		runtime.GC()
		runtime.ReadMemStats(&after)
		mib := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
		t.Logf("%s: %.1f MiB, made in %v, flushed in %v", form, mib, made, took)
		if len(r.app.Rows) != 1_000_000 {
			t.Fatalf("%d rows", len(r.app.Rows))
		}
		if mib > most {
			t.Errorf("%.1f MiB", mib)
		}
		runtime.KeepAlive(r)
	}
}
