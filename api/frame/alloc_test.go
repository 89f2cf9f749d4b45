//go:build !race

package frame

import (
	"bytes"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

func TestEncodeAllocatesNothing(t *testing.T) {
	for _, opt := range []EncoderOptions{
		{KeyEvery: 4}, {KeyEvery: 4, MaxPayload: 20 << 10}, {KeyEvery: 4, Codec: S2},
		{KeyEvery: 4, Codec: Raw},
	} {
		l := newContainersGen(500, 0.5)
		enc := NewEncoder(opt)
		parts := 0
		tick := func() {
			p, err := enc.Encode(l.tick())
			if err != nil {
				t.Fatal(err)
			}
			parts = len(p)
		}
		for range 200 { // buffers reach their size, keyframes among them
			tick()
		}
		if n := testing.AllocsPerRun(100, tick); n != 0 {
			t.Errorf("%+v: %v allocations a tick (%d parts)", opt, n, parts)
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	l := newContainersGen(500, 0.5)
	enc := NewEncoder(EncoderOptions{KeyEvery: 10})
	var frames [][]byte
	isKey := map[*byte]bool{}
	for i := range 40 {
		if i == 25 { // rows that every delta until the next keyframe has to add
			tab := &l.b.Tables[0]
			tab.Gen++
			tab.Rows = append(tab.Rows, &Row{ID: 90001, Key: "/new", Labels: []Label{{"container_name", "new"}}})
			tab.Vals = append(tab.Vals, make([]int64, tab.Width())...)
			l.work = append(l.work, 0.1)
		}
		parts, err := enc.Encode(l.tick())
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Clone(parts[0])
		frames, isKey[&data[0]] = append(frames, data), l.b.Keyframe()
	}
	dec := NewDecoder()
	var key, dst Batch
	i := 0
	decode := func(frames [][]byte) func() {
		return func() {
			data := frames[i%len(frames)]
			i++
			to := &dst
			if isKey[&data[0]] {
				to = &key
			}
			if err := dec.Decode(data, &key, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, part := range map[string][][]byte{
		"steady": frames[10:20], "keyframes": frames[10:11], "with added rows": frames[26:30],
	} {
		i = 0
		if name == "with added rows" {
			if err := dec.Decode(frames[20], nil, &key); err != nil {
				t.Fatal(err)
			}
		}
		run := decode(part)
		for range 2 * len(part) {
			run()
		}
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
	}
	var kc, dc Columns
	cols := []int{metric.CPUUsage, metric.MemCurrent}
	if err := dec.DecodeColumns(frames[10], nil, &kc, metric.Container, cols); err != nil {
		t.Fatal(err)
	}
	run := func() {
		if err := dec.DecodeColumns(frames[11], &kc, &dc, metric.Container, cols); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("columns: %v allocations a frame", n)
	}
}

// observing makes the ticks of a node whose tasks send timers and sets: a third of
// the timers goes on in each tick, and two thirds of the sets.
func observing(n int) *world {
	w := newWorld(1, 3).apps(n)
	w.busy = 0
	app := w.table(metric.App)
	for i := range app.Histograms {
		h := new(sketch.Histogram)
		for range 300 {
			w.insert(h)
		}
		app.Histograms[i] = h
		app.Sets[i] = hashes(0, 40)
		if i%3 == 0 {
			app.Sets[i] = hashes(0, 1000)
		}
	}
	return w
}

func (w *world) observeSome() *Batch {
	b := w.tick()
	app := b.Table(metric.App)
	for i, h := range app.Histograms {
		if i%3 == 0 {
			h.Insert(20, 1)
			h.Insert(25, 2.5)
			app.Row(i)[metric.AppSum] = metric.FromFloat(h.Sum())
		}
	}
	for i, s := range app.Sets {
		switch i % 3 {
		case 0: // many, and some more each tick
			w.member++
			s.Add(w.member * 0x9e3779b97f4a7c15)
		case 1: // few, and others each tick
			w.member++
			s.SetHashes([]uint64{w.member, w.member + 9, w.member + 90})
		}
	}
	return b
}

func TestSketchesAllocateNothing(t *testing.T) {
	for _, opt := range []EncoderOptions{{KeyEvery: 4}, {KeyEvery: 4, MaxPayload: 20 << 10}} {
		w := observing(100)
		enc := NewEncoder(opt)
		tick := func() {
			if _, err := enc.Encode(w.observeSome()); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			tick()
		}
		if n := testing.AllocsPerRun(40, tick); n != 0 {
			t.Errorf("%+v: %v allocations a tick", opt, n)
		}
	}
	w := observing(100)
	enc, dec := NewEncoder(EncoderOptions{KeyEvery: 4}), NewDecoder()
	var frames [][]byte
	for range 8 {
		frames = append(frames, encode(t, enc, w.observeSome())[0])
	}
	var key, dst Batch
	var keyHists, dstHists Sketches
	want := func(r *Row) bool { return r.Key == "request.time.3" }
	for name, run := range map[string]func([]byte, bool) error{
		"decode": func(data []byte, isKey bool) error {
			if isKey {
				return dec.Decode(data, nil, &key)
			}
			return dec.Decode(data, &key, &dst)
		},
		"sketches": func(data []byte, isKey bool) error {
			if isKey {
				return dec.DecodeSketches(data, nil, &keyHists, want)
			}
			return dec.DecodeSketches(data, &keyHists, &dstHists, want)
		},
	} {
		i := 0
		next := func() {
			if err := run(frames[i%8], i%4 == 0); err != nil {
				t.Fatal(err)
			}
			i++
		}
		for range 24 {
			next()
		}
		if n := testing.AllocsPerRun(40, next); n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
	}
}
