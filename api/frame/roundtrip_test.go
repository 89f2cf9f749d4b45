package frame

import (
	"bytes"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// sink decodes the parts of every tick, as a relay does.
type sink struct {
	dec  *Decoder
	keys map[uint16]*Batch
	part map[uint16]*Batch
	got  Batch
}

func newSink() *sink {
	return &sink{dec: NewDecoder(), keys: map[uint16]*Batch{}, part: map[uint16]*Batch{}}
}

func (s *sink) take(t testing.TB, parts [][]byte) *Batch {
	t.Helper()
	var all []*Batch
	for i, data := range parts {
		h, err := Peek(data)
		if err != nil {
			t.Fatal(err)
		}
		if int(h.Part) != i || int(h.Parts) != len(parts) {
			t.Fatalf("part %d/%d, want %d/%d", h.Part, h.Parts, i, len(parts))
		}
		p := uint16(i)
		dst := s.part[p]
		if h.Keyframe() {
			dst = new(Batch)
			s.keys[p] = dst
		} else if dst == nil || dst == s.keys[p] {
			dst = new(Batch)
			s.part[p] = dst
		}
		if err := s.dec.Decode(data, s.keys[p], dst); err != nil {
			t.Fatalf("seq %d part %d: %v", h.Seq, i, err)
		}
		all = append(all, dst)
	}
	Merge(all, &s.got)
	return &s.got
}

// byRow is a batch as a set, since parts may bring added rows in another order.
func byRow(b *Batch) map[metric.Kind]map[uint64]int {
	m := map[metric.Kind]map[uint64]int{}
	for i := range b.Tables {
		t := &b.Tables[i]
		m[t.Kind] = map[uint64]int{}
		for r, row := range t.Rows {
			m[t.Kind][row.ID] = r
		}
	}
	return m
}

func same(t testing.TB, want, got *Batch) {
	t.Helper()
	if got.Seq != want.Seq || got.Boot != want.Boot || got.Time != want.Time || got.Interval != want.Interval ||
		got.Agent != want.Agent ||
		got.Key != want.Key {
		t.Fatalf("header: got %+v, want %+v", got.Header, want.Header)
	}
	if app := want.Table(metric.App); app != nil && got.Table(metric.App) != nil {
		sameHistograms(t, app, got.Table(metric.App))
		sameSets(t, app, got.Table(metric.App))
	}
	if want.Parts <= 1 {
		if len(want.Tables) != len(got.Tables) {
			t.Fatalf("got %d tables, want %d", len(got.Tables), len(want.Tables))
		}
		for i := range want.Tables {
			w, g := &want.Tables[i], &got.Tables[i]
			if w.Kind != g.Kind || w.Gen != g.Gen || !slices.Equal(w.Vals, g.Vals) {
				t.Fatalf("seq %d: table %s differs", want.Seq, w.Kind)
			}
			for r := range w.Rows {
				if w.Rows[r].ID != g.Rows[r].ID || !sameIdentity(w.Rows[r], g.Rows[r]) {
					t.Fatalf("seq %d: row %d of %s: got %+v, want %+v", want.Seq, r, w.Kind, g.Rows[r], w.Rows[r])
				}
			}
		}
		return
	}
	places := byRow(got)
	for i := range want.Tables {
		w, g := &want.Tables[i], got.Table(want.Tables[i].Kind)
		if g == nil || len(g.Rows) != len(w.Rows) || len(places[w.Kind]) != len(w.Rows) {
			t.Fatalf("seq %d: rows of %s differ", want.Seq, w.Kind)
		}
		for r, row := range w.Rows {
			at, ok := places[w.Kind][row.ID]
			if !ok || !sameIdentity(row, g.Rows[at]) || !slices.Equal(w.Row(r), g.Row(at)) {
				t.Fatalf("seq %d: row %d of %s differs", want.Seq, r, w.Kind)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		opt  EncoderOptions
		set  func(*world)
	}{
		{"idle", 50, EncoderOptions{}, func(w *world) { w.busy = 0.01 }},
		{"busy", 50, EncoderOptions{KeyEvery: 7}, func(w *world) { w.busy = 1 }},
		{"churn", 40, EncoderOptions{KeyEvery: 30}, func(w *world) { w.churn = 0.7 }},
		{"churn without gen", 40, EncoderOptions{KeyEvery: 30}, func(w *world) { w.churn = 0.7; w.noGen = true }},
		{"empty", 0, EncoderOptions{}, func(w *world) {}},
		{"parts", 300, EncoderOptions{MaxPayload: 16 << 10, KeyEvery: 20}, func(w *world) { w.churn = 0.5; w.busy = 0.5 }},
		{"s2", 40, EncoderOptions{Codec: S2}, func(w *world) { w.churn = 0.2 }},
		{"raw", 40, EncoderOptions{Codec: Raw}, func(w *world) { w.churn = 0.2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(1, c.n).apps(c.n / 6)
			c.set(w)
			enc := NewEncoder(c.opt)
			s := newSink()
			keys := 0
			for range 100 {
				b := w.tick()
				parts, err := enc.Encode(b)
				if err != nil {
					t.Fatal(err)
				}
				if b.Keyframe() {
					keys++
				}
				for _, p := range parts {
					if c.opt.MaxPayload > 0 && len(p) > c.opt.MaxPayload {
						t.Fatalf("part of %d bytes", len(p))
					}
					if err := Verify(p); err != nil {
						t.Fatal(err)
					}
				}
				same(t, b, s.take(t, parts))
			}
			if c.name == "parts" && len(enc.parts) < 2 {
				t.Fatal("never split")
			}
			if keys == 100 || keys == 0 {
				t.Fatalf("%d keyframes", keys)
			}
		})
	}
}

func TestColumnsMatchDecode(t *testing.T) {
	w := newWorld(3, 60)
	w.churn, w.busy = 0.5, 0.5
	enc := NewEncoder(EncoderOptions{KeyEvery: 20})
	s, dec := newSink(), NewDecoder()
	cols := []int{metric.CPUUsage, metric.MemCurrent, 40, 100, 5000, -1}
	var key, dst *Columns
	for range 60 {
		b := w.tick()
		parts, err := enc.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		full := s.take(t, parts).Table(metric.Container)
		dst = &Columns{}
		if err := dec.DecodeColumns(bytes.Clone(parts[0]), key, dst, metric.Container, cols); err != nil {
			t.Fatal(err)
		}
		if b.Keyframe() {
			key = dst
		}
		if len(dst.Rows) != len(full.Rows) {
			t.Fatalf("%d rows, want %d", len(dst.Rows), len(full.Rows))
		}
		for r := range dst.Rows {
			if dst.Rows[r].ID != full.Rows[r].ID {
				t.Fatalf("row %d differs", r)
			}
			for i, c := range cols {
				want := metric.Absent
				if c >= 0 && c < full.Width() {
					want = full.Row(r)[c]
				}
				if dst.Vals[i][r] != want {
					t.Fatalf("column %d row %d: %d, want %d", c, r, dst.Vals[i][r], want)
				}
			}
		}
	}
}
