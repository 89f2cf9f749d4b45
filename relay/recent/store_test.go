package recent

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/bench/load"
)

func TestMemoryOnly(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 20, KeyEvery: 10})
	w.ticks(95)
	w.check(0)
	if st := w.store.Stats(); st.MemoryFrames != 95 || st.DiskFrames != 0 || st.Decoded == 0 || st.DecodeErrors != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestRestart(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), SegmentFor: 20 * time.Second}, load.NodeOptions{Containers: 20, KeyEvery: 30})
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

func TestCrash(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir, SegmentFor: 20 * time.Second}, load.NodeOptions{Containers: 20, KeyEvery: 30})
	w.ticks(50)
	cutAt := w.node.Batch.Time
	for _, tear := range []struct {
		name string
		do   func(b []byte) []byte
		lost int64 // ticks
	}{
		{"not torn", func(b []byte) []byte { return b }, 0},
		{"cut in a record", func(b []byte) []byte { return b[:len(b)-5] }, 1},
		{"cut in a record's head", func(b []byte) []byte { return append(b, 1, 2, 3) }, 0},
		{"a damaged last record", func(b []byte) []byte { b[len(b)-3] ^= 1; return b }, 1},
		{"a huge length", func(b []byte) []byte { return append(b, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 9) }, 0},
	} {
		t.Run(tear.name, func(t *testing.T) {
			// What a crash leaves is what is in the files now.
			to := t.TempDir()
			names, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
			for i, name := range names {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if i == len(names)-1 {
					b = tear.do(b)
				}
				if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(Options{Dir: to, Now: w.clock.now})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Query(t.Context(), all())
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]map[int64]int64{}
			for key, points := range w.want {
				want[key] = map[int64]int64{}
				for at, v := range points {
					if at <= cutAt-tear.lost*1e9 {
						want[key][at] = v
					}
				}
			}
			if err := compare(got, want, 0); err != nil {
				t.Fatal(err)
			}
			torn := uint64(1)
			if tear.name == "not torn" {
				torn = 0
			}
			if st := s.Stats(); st.Torn != torn || (st.TornBytes > 0) != (torn > 0) {
				t.Fatalf("%+v", st)
			}
		})
	}
}

// A footer or a file that is damaged costs itself only.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir, SegmentFor: 20 * time.Second}, load.NodeOptions{Containers: 5, KeyEvery: 30})
	w.ticks(50)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(names) != 3 {
		t.Fatalf("%d segments", len(names))
	}
	damage := func(name string, from int) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[(len(b)+from)%len(b)] ^= 0x40
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage(names[0], -20) // in the directory: the records are scanned
	damage(names[1], 2)   // not a segment any more
	w.open()
	got := w.query(all())
	if err := compare(got, w.want, start+40e9); err != nil {
		t.Fatal(err)
	}
	if n := len(got[0].Times); n != 30 {
		t.Fatalf("%d points, want those of two segments", n)
	}
	if _, err := os.Stat(names[1] + ".bad"); err != nil {
		t.Fatal(err)
	}
}

// Every segment can be read without the others.
func TestSelfContained(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir, SegmentFor: 10 * time.Second}, load.NodeOptions{Containers: 20, KeyEvery: 1000})
	w.ticks(35)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	slices.Sort(names)
	for _, name := range names[:len(names)-1] {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	got := w.query(all())
	if len(got) == 0 || len(got[0].Times) != 5 {
		t.Fatalf("%d series, %v", len(got), got)
	}
	w.check(start + 30e9)
	if w.store.Stats().DecodeErrors != 0 {
		t.Fatal("decode errors")
	}
}

// Most of what is asked for is on disk only, the rest in memory too.
func TestMemoryAndDisk(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), MemoryFor: 25 * time.Second, SegmentFor: 10 * time.Second},
		load.NodeOptions{Containers: 20, KeyEvery: 15})
	w.ticks(100)
	w.check(0)
	st := w.store.Stats()
	if st.MemoryFrames < 20 || st.MemoryFrames > 30 || st.DiskFrames < 100 {
		t.Fatalf("%+v", st)
	}
	// A span over the border, ends in it.
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

func TestMemoryBound(t *testing.T) {
	const bound = 300_000
	w := newWorld(t, Options{MemoryBytes: bound}, load.NodeOptions{Containers: 50, KeyEvery: 20})
	other := load.NewNode(load.NodeOptions{Agent: "node-2", Containers: 50, Boot: 9, Start: start})
	for range 300 {
		w.append(w.next())
		w.expect()
		w.append(other.Tick())
		if st := w.store.Stats(); st.MemoryBytes > bound {
			t.Fatalf("%d bytes", st.MemoryBytes)
		}
	}
	st := w.store.Stats()
	if st.MemoryFrames < 10 || st.MemoryBytes < bound/2 {
		t.Fatalf("too little is kept: %+v", st)
	}
	q := all()
	q.Agent = "node-1"
	got := w.query(q)
	if len(got) == 0 {
		t.Fatal("nothing is left")
	}
	if err := compare(got, w.want, maxTime); err != nil {
		t.Fatal(err)
	}
	// What is counted is what is there.
	var bytes int64
	for _, a := range w.store.agents {
		for _, e := range a.ticks.all() {
			bytes += int64(len(e.data)) + entryBytes
		}
		for _, k := range a.keys {
			for _, p := range k.parts {
				bytes += int64(len(p))
			}
		}
	}
	if bytes != st.MemoryBytes {
		t.Fatalf("%d bytes are counted, %d are there", st.MemoryBytes, bytes)
	}
}

func TestDiskBound(t *testing.T) {
	const bound = 200_000
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir, DiskBytes: bound, MemoryFor: time.Second}, load.NodeOptions{Containers: 50, KeyEvery: 20})
	for range 300 {
		w.ticks(1)
		var size int64
		names, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, n := range names {
			st, err := os.Stat(n)
			if err != nil {
				t.Fatal(err)
			}
			size += st.Size()
		}
		if size > bound {
			t.Fatalf("%d bytes on disk", size)
		}
	}
	if st := w.store.Stats(); st.DiskBytes < bound/2 || st.DiskErrors != 0 {
		t.Fatalf("%+v", st)
	}
	w.check(start + 295e9)
	w.reopen()
	w.check(start + 295e9)
}

func TestAge(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), DiskFor: 60 * time.Second, MemoryFor: 10 * time.Second, SegmentFor: 10 * time.Second},
		load.NodeOptions{Containers: 5})
	for range 200 {
		w.ticks(1)
		w.store.Tidy()
	}
	got := w.query(all())
	if n := len(got[0].Times); n < 60 || n > 81 {
		t.Fatalf("%d ticks are left of 60 s", n)
	}
	w.check(start + 145e9)
	w.clock.add(time.Hour)
	w.store.Tidy()
	if st := w.store.Stats(); st.Agents != 0 || st.MemoryBytes != 0 || st.DiskFrames != 0 {
		t.Fatalf("something outlived its time: %+v", st)
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
	if st := w.store.Stats(); st.Gaps != 2 || st.Late != 0 || st.Missing != 2 || st.DecodeErrors != 0 {
		t.Fatalf("%+v", st)
	}
}

// Frames that were spooled come in order, but behind newer ones.
func TestLateFrames(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), SegmentFor: 15 * time.Second, MemoryFor: 20 * time.Second}, load.NodeOptions{Containers: 5, KeyEvery: 10})
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
	if st := w.store.Stats(); st.Missing != 0 || w.store.Gaps("node-1") != 0 {
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
	// A tick is whole with its last part, whichever that is.
	parts := w.next()
	slices.Reverse(parts)
	for i, p := range parts {
		h, err := frame.Peek(p)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := w.store.Append(&h, p)
		if err != nil || whole != (i == len(parts)-1) {
			t.Fatal(whole, err)
		}
		if _, err := w.store.Append(&h, p); !errors.Is(err, ErrDuplicate) {
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
	// Devices find their containers, in whichever part these are.
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

// The clock steps back, and the collector is restarted: one series a container.
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
	if _, err := w.store.Query(t.Context(), q); !errors.Is(err, server.ErrTooMany) {
		t.Fatal(err)
	}
	q.Match = func(agent string, row, _ *frame.Row) bool { return agent == "node-1" && row.Key == "/" }
	if got := w.query(q); len(got) != 1 || len(got[0].Times) != 6 {
		t.Fatalf("%v", got)
	}
	q.Agent = "nobody"
	if _, err := w.store.Query(t.Context(), q); !errors.Is(err, server.ErrUnknownAgent) {
		t.Fatal(err)
	}
}

func TestBadHeaders(t *testing.T) {
	s, err := Open(Options{MaxAgents: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good := frame.Header{Agent: "a", Boot: 1, Seq: 1, Key: 1, Time: start, Interval: 1e9, Parts: 2}
	if _, err := s.Append(&good, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(h *frame.Header){
		"no agent":       func(h *frame.Header) { h.Agent = "" },
		"no sequence":    func(h *frame.Header) { h.Seq = 0 },
		"a later key":    func(h *frame.Header) { h.Key = 9 },
		"no parts":       func(h *frame.Header) { h.Parts = 0 },
		"a part too far": func(h *frame.Header) { h.Part = 2 },
		"the year 2262":  func(h *frame.Header) { h.Time = 1<<63 - 1 },
		"before 1970":    func(h *frame.Header) { h.Time = -1 },
		"no interval":    func(h *frame.Header) { h.Interval = 0 },
		"other parts":    func(h *frame.Header) { h.Part, h.Parts = 1, 3 },
		"other time":     func(h *frame.Header) { h.Part, h.Time = 1, h.Time+1 },
	} {
		h := good
		change(&h)
		if _, err := s.Append(&h, []byte("x")); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := good
	h.Agent = "b"
	if _, err := s.Append(&h, []byte("x")); !errors.Is(err, ErrAgents) {
		t.Error(err)
	}
}

// A frame whose body is rubbish costs itself, not the query.
func TestRubbishBody(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 3})
	w.ticks(5)
	h := w.node.Batch.Header
	h.Seq, h.Time, h.Parts = h.Seq+1, h.Time+1e9, 1
	if _, err := w.store.Append(&h, []byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	w.check(0)
	if st := w.store.Stats(); st.DecodeErrors != 1 {
		t.Fatalf("%+v", st)
	}
}
