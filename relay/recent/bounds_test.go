package recent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/load"
)

func TestMemoryBound(t *testing.T) {
	const bound = 300_000
	w := newWorld(t, Options{MemoryBytes: bound}, load.NodeOptions{Containers: 50, KeyEvery: 20})
	other := load.NewNode(load.NodeOptions{Agent: "node-2", Containers: 50, Boot: 9, Start: start})
	for range 300 {
		w.append(w.next())
		w.expect()
		w.append(other.Tick())
		if st := w.stats(); st.MemoryBytes > bound {
			t.Fatalf("%d bytes", st.MemoryBytes)
		}
	}
	st := w.stats()
	if st.MemoryFrames < 10 || st.MemoryBytes < bound/2 {
		t.Fatalf("too little is stored: %+v", st)
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
	// The count agrees with the frames that are in memory.
	var bytes int64
	for _, a := range w.store.agents {
		for _, e := range a.ticks.all() {
			bytes += int64(len(e.data)) + entryBytes
		}
		for _, k := range a.keys {
			bytes += keyBytes + partBytes*int64(len(k.parts))
			for _, p := range k.parts {
				bytes += int64(len(p))
			}
		}
	}
	if bytes != st.MemoryBytes {
		t.Fatalf("%d bytes are counted, %d are in memory", st.MemoryBytes, bytes)
	}
}

func TestDiskBound(t *testing.T) {
	const bound = 200_000
	dir := t.TempDir()
	w := newWorld(
		t,
		Options{Dir: dir, DiskBytes: bound, MemoryFor: time.Second},
		load.NodeOptions{Containers: 50, KeyEvery: 20},
	)
	for range 300 {
		w.ticks(1)
		written(t, w.store)
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
	if st := w.stats(); st.DiskBytes < bound/2 || st.DiskErrors != 0 {
		t.Fatalf("%+v", st)
	}
	w.check(start + 295e9)
	w.reopen()
	w.check(start + 295e9)
}

func TestAge(t *testing.T) {
	w := newWorld(
		t,
		Options{Dir: t.TempDir(), DiskFor: 60 * time.Second, MemoryFor: 10 * time.Second, SegmentFor: 10 * time.Second},
		load.NodeOptions{Containers: 5},
	)
	for range 200 {
		w.ticks(1)
		w.store.Tidy()
	}
	w.tidy()
	got := w.query(all())
	if n := len(got[0].Times); n < 60 || n > 81 {
		t.Fatalf("%d ticks are left of 60 s", n)
	}
	w.check(start + 145e9)
	w.clock.add(time.Hour)
	w.tidy()
	w.tidy() // removes the agents without frames on disk
	if st := w.stats(); st.Agents != 0 || st.MemoryBytes != 0 || st.DiskFrames != 0 {
		t.Fatalf("not everything has expired: %+v", st)
	}
}

// Keyframes that announce many parts, but of which only one arrives, do not exceed the
// bound of the memory.
func TestIncompleteKeyframes(t *testing.T) {
	const bound = 1 << 20
	s, err := Open(Options{MemoryBytes: bound})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := frame.Header{Agent: "a", Boot: 1, Time: start, Interval: 1e9, Parts: frame.MaxParts}
	for i := range uint64(1000) {
		h.Seq, h.Key = i+1, i+1
		if _, err := s.Append(&h, []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	parts := 0
	for _, k := range s.agents["a"].keys {
		parts += cap(k.parts)
	}
	if st := s.Stats(); st.MemoryBytes > bound || parts*partBytes > bound {
		t.Fatalf("%d bytes are counted, %d parts are in memory", st.MemoryBytes, parts)
	}
}
