package recent

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/load"
)

func TestMemoryOnly(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 20, KeyEvery: 10})
	w.ticks(95)
	w.check(0)
	if st := w.stats(); st.MemoryFrames != 95 || st.DiskFrames != 0 || st.Decoded == 0 || st.DecodeErrors != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestRestart(t *testing.T) {
	w := newWorld(
		t,
		Options{Dir: t.TempDir(), SegmentFor: 20 * time.Second},
		load.NodeOptions{Containers: 20, KeyEvery: 30},
	)
	w.ticks(45)
	last := w.next()
	w.append(last)
	w.expect()
	w.reopen()
	w.check(0)
	for _, p := range last {
		if err := appendTo(w.store, p); !errors.Is(err, ErrDuplicate) {
			t.Fatalf("the same frame again: %v", err)
		}
	}
	w.ticks(50) // deltas against a keyframe that is on disk only, at first
	w.check(0)
	w.reopen()
	w.check(0)
	if n := w.store.Gaps("node-1"); n != 0 {
		t.Fatalf("%d gaps", n)
	}
}

// A query of frames most of which are on disk only, the others also in memory.
func TestMemoryAndDisk(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), MemoryFor: 25 * time.Second, SegmentFor: 10 * time.Second},
		load.NodeOptions{Containers: 20, KeyEvery: 15})
	w.ticks(100)
	w.check(0)
	w.tidy()
	w.check(0)
	st := w.stats()
	if st.MemoryFrames < 20 || st.MemoryFrames > 30 || st.DiskFrames < 100 {
		t.Fatalf("%+v", st)
	}
	// A span that includes both its ends, partly on disk and partly in memory.
	q := all()
	q.Start, q.End = start+60e9, start+90e9
	got := w.query(q)
	if len(got) != len(w.want) || len(got[0].Times) != 31 || got[0].Times[0] != q.Start || got[0].Times[30] != q.End {
		t.Fatalf("%d series, %d points", len(got), len(got[0].Times))
	}
	if err := compare(got, w.want, maxTime); err != nil {
		t.Fatal(err)
	}
}

func TestLostFrames(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir()}, load.NodeOptions{Containers: 5, KeyEvery: 10})
	orphans := 0
	for seq := 1; seq <= 40; seq++ {
		parts := w.next()
		switch {
		case seq == 5: // a delta
			continue
		case seq == 21: // a keyframe
			continue
		case seq > 21 && seq <= 30:
			if err := appendTo(w.store, parts[0]); !errors.Is(err, ErrOrphan) {
				t.Fatalf("tick %d: %v", seq, err)
			}
			orphans++
			continue
		}
		w.append(parts)
		w.expect()
	}
	if orphans != 9 {
		t.Fatalf("%d orphans", orphans)
	}
	w.check(0)
	if n := w.store.Gaps("node-1"); n != 2 {
		t.Fatalf("%d gaps, want the two that were lost", n)
	}
	if st := w.stats(); st.Gaps != 2 || st.Late != 0 || st.Missing != 2 || st.DecodeErrors != 0 {
		t.Fatalf("%+v", st)
	}
}

// Frames from a collector's spool arrive in order, but after newer ones.
func TestLateFrames(t *testing.T) {
	w := newWorld(
		t,
		Options{Dir: t.TempDir(), SegmentFor: 15 * time.Second, MemoryFor: 20 * time.Second},
		load.NodeOptions{Containers: 5, KeyEvery: 10},
	)
	var spooled [][][]byte
	for seq := 1; seq <= 60; seq++ {
		parts := w.next()
		w.expect()
		if seq > 10 && seq <= 40 {
			spooled = append(spooled, parts)
			continue
		}
		w.append(parts)
		if seq > 45 && len(spooled) > 0 { // two a tick
			w.append(spooled[0])
			w.append(spooled[1])
			spooled = spooled[2:]
		}
	}
	w.check(0)
	w.reopen()
	w.check(0)
	if st := w.stats(); st.Missing != 0 || w.store.Gaps("node-1") != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestParts(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), SegmentFor: 10 * time.Second, MemoryFor: 5 * time.Second},
		load.NodeOptions{Containers: 60, KeyEvery: 10, MaxPayload: 16 << 10})
	w.ticks(1)
	if w.node.Batch.Parts < 2 {
		t.Fatalf("%d parts", w.node.Batch.Parts)
	}
	w.ticks(24)
	w.check(0)
	// The last part to arrive completes a tick, whichever part that is.
	parts := w.next()
	slices.Reverse(parts)
	for i, p := range parts {
		h, err := frame.Peek(p)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := w.store.Append(&h, p, nil)
		if err != nil || whole != (i == len(parts)-1) {
			t.Fatal(whole, err)
		}
		if _, err := w.store.Append(&h, p, nil); !errors.Is(err, ErrDuplicate) {
			t.Fatal(err)
		}
	}
	w.expect()
	got, key, err := w.store.Tick("node-1", w.node.Batch.Boot, w.node.Batch.Seq)
	if err != nil || len(got) != len(parts) || len(key) != len(parts) {
		t.Fatal(len(got), len(key), err)
	}
	w.reopen()
	w.check(0)
	// A device's container is found, in whichever part it is.
	q := all()
	q.Kind, q.Column = metric.ContainerIO, metric.IOReadBytes
	devices := w.query(q)
	if len(devices) != 60 {
		t.Fatalf("%d devices", len(devices))
	}
	for _, d := range devices {
		if d.Parent == nil || d.Parent.ID != d.Row.Parent {
			t.Fatalf("device of %d has parent %v", d.Row.Parent, d.Parent)
		}
	}
}

// A clock that steps back and a restart of the collector do not split a series.
func TestClockStepAndRestart(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir()}, load.NodeOptions{Containers: 3, KeyEvery: 10})
	w.ticks(20)
	w.node.Jump(-10_500_000_000)
	w.ticks(20)
	w.check(0)
	w.node.Restart(99)
	w.ticks(20)
	w.check(0)
	if n := len(w.query(all())); n != 4 { // three containers and the root
		t.Fatalf("%d series", n)
	}
	if n := w.store.Gaps("node-1"); n != 0 {
		t.Fatalf("%d gaps", n)
	}
}

func TestStep(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 3})
	w.ticks(60)
	q := all()
	q.Start, q.End, q.Step = start, start+59e9, 10e9
	for _, s := range w.query(q) {
		want := []int64{start + 9e9, start + 19e9, start + 29e9, start + 39e9, start + 49e9, start + 59e9}
		if !slices.Equal(s.Times, want) {
			t.Fatalf("%v", s.Times)
		}
	}
	q.Limit = 10
	if _, err := w.store.Query(t.Context(), q); !errors.Is(err, query.ErrTooMany) {
		t.Fatal(err)
	}
	q.Limit = 4 * 6 // exactly all points
	w.query(q)
	other := load.NewNode(load.NodeOptions{Agent: "node-2", Boot: 1, Containers: 3, Start: start})
	w.append(other.Tick())
	if _, err := w.store.Query(t.Context(), q); !errors.Is(err, query.ErrTooMany) {
		t.Fatalf("two agents together: %v", err)
	}
	q.Match = func(agent string, row, _ *frame.Row) bool { return agent == "node-1" && row.Key == "/" }
	if got := w.query(q); len(got) != 1 || len(got[0].Times) != 6 {
		t.Fatalf("%v", got)
	}
	q.Agent = "nobody"
	if _, err := w.store.Query(t.Context(), q); !errors.Is(err, query.ErrUnknownAgent) {
		t.Fatal(err)
	}
}
