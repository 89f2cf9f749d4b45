package recent

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/load"
)

func TestCrash(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir, SegmentFor: 20 * time.Second}, load.NodeOptions{Containers: 20, KeyEvery: 30})
	w.ticks(50)
	cutAt := w.node.Batch.Time
	written(t, w.store)
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
			// A crash leaves the files as they are now.
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

// Damage to one segment does not affect the others, and a damaged footer is rebuilt.
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
	damage(names[1], 2)   // in the magic number: no longer a segment
	w.open()
	got := w.query(all())
	if err := compare(got, w.want, start+40e9); err != nil {
		t.Fatal(err)
	}
	if n := len(got[0].Times); n != 30 {
		t.Fatalf("%d points, want those of two segments", n)
	}
	if _, err := os.Stat(filepath.Join(dir, "bad")); err != nil {
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
	if w.stats().DecodeErrors != 0 {
		t.Fatal("decode errors")
	}
}

func TestBadHeaders(t *testing.T) {
	s, err := Open(Options{MaxAgents: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good := frame.Header{Agent: "a", Boot: 1, Seq: 1, Key: 1, Time: start, Interval: 1e9, Parts: 2}
	if _, err := s.Append(&good, []byte("x"), nil); err != nil {
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
		if _, err := s.Append(&h, []byte("x"), nil); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := good
	h.Agent = "b"
	if _, err := s.Append(&h, []byte("x"), nil); !errors.Is(err, ErrAgents) {
		t.Error(err)
	}
}

// A frame whose body cannot be decoded is skipped; the rest of the query is answered.
func TestCorruptBody(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 3})
	w.ticks(5)
	h := w.node.Batch.Header
	h.Seq, h.Time, h.Parts = h.Seq+1, h.Time+1e9, 1
	if _, err := w.store.Append(&h, []byte("rubbish"), nil); err != nil {
		t.Fatal(err)
	}
	w.check(0)
	if st := w.stats(); st.DecodeErrors != 1 {
		t.Fatalf("%+v", st)
	}
}
