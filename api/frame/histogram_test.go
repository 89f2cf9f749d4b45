package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

func histogramsOf(t testing.TB, data []byte) *Sketches {
	var h Sketches
	if err := NewDecoder().DecodeSketches(data, nil, &h, nil); err != nil {
		t.Fatal(err)
	}
	return &h
}

// sameHistogramsAt compares row by row.
func sameHistogramsAt(t testing.TB, want, got *Table) {
	t.Helper()
	if len(got.Rows) != len(want.Rows) {
		t.Fatalf("%d rows, want %d", len(got.Rows), len(want.Rows))
	}
	of := func(t *Table, i int) *sketch.Histogram {
		if len(t.Histograms) == 0 {
			return nil
		}
		return t.Histograms[i]
	}
	for i := range want.Rows {
		w, g := of(want, i), of(got, i)
		if (w == nil) != (g == nil) ||
			w != nil && (!w.Equal(g) && w.Sum() == w.Sum() || w.Collapsed() != g.Collapsed()) {
			t.Fatalf("row %d: %+v, want %+v", i, g, w)
		}
	}
}

// Histograms and sets alone are those of the whole frame, whichever rows are asked for.
func TestDecodeSketches(t *testing.T) {
	w := newWorld(4, 3).apps(60)
	w.busy, w.churn = 0.4, 0.4
	enc, dec := NewEncoder(EncoderOptions{KeyEvery: 10}), NewDecoder()
	want := func(r *Row) bool { return r.Key == "request.time.2" || r.Key == "request.time.5" }
	s := newSink()
	var keyAll, keySome, all, some Sketches
	seen, sets := 0, 0
	for range 60 {
		parts := encode(t, enc, w.tick())
		full := s.take(t, parts).Table(metric.App)
		a, m := &all, &some
		if w.b.Keyframe() {
			a, m = &keyAll, &keySome
		}
		if err := dec.DecodeSketches(parts[0], &keyAll, a, nil); err != nil {
			t.Fatal(err)
		}
		sameHistogramsAt(t, full, &Table{Rows: a.Rows, Histograms: a.Histograms})
		sameSetsAt(t, full.Sets, a.Sets, len(a.Rows))
		if err := dec.DecodeSketches(parts[0], &keySome, m, want); err != nil {
			t.Fatal(err)
		}
		for i, row := range m.Rows {
			switch h := m.Histograms[i]; {
			case !want(row):
				if h != nil || m.Sets[i] != nil {
					t.Fatal("a sketch that nobody asked for")
				}
				continue
			case (h == nil) != (full.Histograms[i] == nil),
				h != nil && (!h.Equal(full.Histograms[i]) || h.Collapsed() != full.Histograms[i].Collapsed()):
				t.Fatalf("row %d: %+v, want %+v", i, h, full.Histograms[i])
			case h != nil:
				seen++
			}
			if s := full.Sets[i]; s != nil {
				sets++
			}
			sameSetsAt(t, full.Sets[i:i+1], m.Sets[i:i+1], 1)
		}
	}
	if seen < 100 || sets < 50 {
		t.Fatalf("only %d histograms and %d sets were asked for", seen, sets)
	}
	for encode(t, enc, w.tick()); w.b.Keyframe(); {
		encode(t, enc, w.tick())
	}
	if err := dec.DecodeSketches(encode(t, enc, &w.b)[0], nil, &all, nil); !errors.Is(err, ErrNoKey) ||
		len(all.Histograms) != 0 {
		t.Errorf("a delta without its key: %v", err)
	}
}

// A tick whose histograms exceed what a frame may define is split.
func TestHistogramsSplit(t *testing.T) {
	b := &Batch{Header: Header{Agent: "n", Seq: 1, Interval: 1}}
	tab := Table{Kind: metric.App, Gen: 1}
	var wide sketch.Histogram
	for i := range int32(250) {
		wide.AddPositive(i*500-60000, 1)
	}
	n := MaxHistograms/wide.Size() + 100
	for i := range n {
		tab.Rows = append(tab.Rows, &Row{ID: uint64(i + 1), Key: fmt.Sprint(i)})
		tab.Histograms = append(tab.Histograms, &wide)
	}
	tab.Vals = make([]int64, n*tab.Width())
	b.Tables = []Table{tab}
	parts, err := NewEncoder(EncoderOptions{MaxPayload: 64 << 20}).Encode(b)
	if err != nil || len(parts) < 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	same(t, b, newSink().take(t, parts))
}

func TestEncodeRefusesHistograms(t *testing.T) {
	h := []*sketch.Histogram{nil}
	for name, tab := range map[string]Table{
		"of another kind": {
			Kind: metric.Disk, Rows: []*Row{{ID: 1}}, Vals: make([]int64, metric.Width(metric.Disk)),
			Histograms: h,
		},
		"without rows": {Kind: metric.App, Histograms: h},
	} {
		if _, err := NewEncoder(EncoderOptions{}).Encode(&Batch{
			Header: Header{Agent: "n", Seq: 1}, Tables: []Table{tab},
		}); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// Few bytes must not buy much memory, and what makes no sense is refused.
func TestHistogramLimits(t *testing.T) {
	u := binary.AppendUvarint
	section := func(kind uint64, b ...byte) []byte { return append(u(u(nil, kind), uint64(len(b))), b...) }
	lists := func(heads, indexes []byte, counts ...byte) []byte {
		b := append(u(nil, uint64(len(heads))), heads...)
		b = append(u(b, uint64(len(indexes))), indexes...)
		return append(b, counts...)
	}
	one := func(flags byte, indexes []byte, counts ...byte) []byte {
		return lists([]byte{flags, byte(len(indexes)), byte(len(counts))}, indexes, counts...)
	}
	float := func(v float64) []byte {
		return binary.LittleEndian.AppendUint64([]byte{1}, math.Float64bits(v))
	}
	app := section(uint64(metric.App), 0, byte(metric.Width(metric.App)), 1, 6, 3, 2, 0, 0, 0, 0, 0)
	many := func(n int) []byte { // rows, each with two buckets as far apart as can be
		set := u(nil, uint64(n)<<1|1)
		var heads, indexes, counts []byte
		for i := range n {
			if i == 0 {
				set = append(set, 2, 0, 0, 0, 0)
			} else {
				set = append(set, 2, 0, 1, 0)
			}
			heads = append(heads, histogramSum, 7, 10)
			indexes = append(indexes, 2)
			indexes = binary.AppendVarint(indexes, sketch.MinIndex)
			indexes = u(indexes, sketch.MaxIndex-sketch.MinIndex-1)
			counts = append(counts, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4)
		}
		tab := u(u(u(u(nil, 0), uint64(metric.Width(metric.App))), uint64(n)), uint64(len(set)))
		tab = append(append(tab, set...), 0)
		return append(section(uint64(metric.App), tab...), section(140, lists(heads, indexes, counts...)...)...)
	}
	h := Header{Agent: "n", Boot: 1, Seq: 1, Key: 1, Parts: 1}
	decode := func(body []byte) error {
		var dst Batch
		err := NewDecoder().Decode(frameOf(h, Raw, len(body), body), nil, &dst)
		var alone Sketches
		if again := NewDecoder().DecodeSketches(frameOf(h, Raw, len(body), body), nil, &alone, nil); again == nil &&
			err != nil &&
			strings.Contains(err.Error(), "makes no sense") {
			t.Errorf("alone it decodes, but: %v", err)
		}
		return err
	}
	if err := decode(append(app[:len(app):len(app)], section(140, one(0, []byte{1, 0}, 4)...)...)); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for name, sec := range map[string][]byte{
		"cut":                   section(140, 5),
		"of no row":             section(140, lists([]byte{1 << 3, 0, 0}, nil)...),
		"of a far row":          section(140, lists(u(nil, 1<<62), nil)...),
		"twice a row":           section(140, lists([]byte{0, 1, 0, 0, 1, 0}, []byte{0, 0})...),
		"two sections":          append(section(140, lists(nil, nil)...), section(140, lists(nil, nil)...)...),
		"no lengths":            section(140, lists([]byte{0}, []byte{0})...),
		"lengths past the end":  section(140, lists([]byte{0, 2, 0}, []byte{0})...),
		"huge lengths":          section(140, lists(append([]byte{0, 1}, u(nil, 1<<60)...), []byte{0})...),
		"no indexes":            section(140, one(0, nil)...),
		"more buckets than fit": section(140, one(0, []byte{9, 0}, 4)...),
		"index out of range": section(
			140, one(0, append([]byte{1}, binary.AppendVarint(nil, sketch.MaxIndex+1)...), 4)...,
		),
		"steps out of range": section(
			140, one(0, append(append([]byte{2}, binary.AppendVarint(nil, sketch.MaxIndex)...), 0), 4, 4)...,
		),
		"no count":          section(140, one(0, []byte{1, 0})...),
		"negative count":    section(140, one(0, []byte{1, 0}, 2)...),
		"count is NaN":      section(140, one(0, []byte{1, 0}, float(math.NaN())...)...),
		"count is infinite": section(140, one(0, []byte{1, 0}, float(math.Inf(1))...)...),
		"unknown number":    section(140, one(0, []byte{1, 0}, 3, 0, 0, 0, 0, 0, 0, 0, 0)...),
		"sum is cut":        section(140, one(histogramSum, []byte{0}, 1, 2)...),
		"counts left over":  section(140, one(0, []byte{0}, 4)...),
		"indexes left over": section(140, one(0, []byte{0, 7})...),
		"lists left over":   section(140, lists([]byte{0, 1, 0}, []byte{0, 7}, 9)...),
	} {
		if err := decode(append(app[:len(app):len(app)], sec...)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := decode(section(140, lists(nil, nil)...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without a table: %v", err)
	}
	before := allocated()
	if err := decode(many(20000)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("too much memory: %v", err)
	}
	if used := allocated() - before; used > 6*MaxHistograms {
		t.Errorf("%d bytes allocated", used)
	}
}

// goldenHistograms is a keyframe and two deltas with every sort of number.
func goldenHistograms() []*Batch {
	rows := []*Row{
		{ID: 1, Parent: 9, Key: "request.time", Labels: []Label{{"tag.path", "/"}, {"type", "ms"}}},
		{ID: 2, Parent: 9, Key: "requests", Labels: []Label{{"type", "c"}}},
		{ID: 3, Parent: 9, Key: "temperature", Labels: []Label{{"type", "h"}}},
	}
	var a, b sketch.Histogram
	head := Header{Agent: "node-1", Boot: 0x0123456789abcdef, Time: 1_700_000_000_000_000_000, Interval: 1e9}
	tick := func(seq uint64) *Batch {
		out := &Batch{Header: head}
		out.Seq, out.Time = seq, head.Time+int64(seq)*head.Interval
		tab := Table{Kind: metric.App, Gen: 1, Rows: rows, Histograms: []*sketch.Histogram{a.Clone(), nil, b.Clone()}}
		tab.Vals = make([]int64, 3*tab.Width())
		for i := range tab.Vals {
			tab.Vals[i] = metric.Absent
		}
		tab.Row(0)[metric.AppSum] = metric.FromFloat(a.Sum())
		tab.Row(1)[metric.AppValue] = metric.FromFloat(float64(seq))
		out.Tables = []Table{tab}
		return out
	}
	for _, v := range []float64{12, 12.5, 80, 13, 0.2} {
		a.Insert(v, 1)
	}
	first := tick(7)
	a.Insert(12, 100)
	b.Insert(-3, 1)
	b.Insert(0, 2)
	b.Insert(21.5, 2.5)
	second := tick(8)
	b.Insert(21.5, 1)
	b.Insert(1e300, 1<<40)
	return []*Batch{first, second, tick(9)}
}

func dumpHistograms(b *Batch) string {
	var s strings.Builder
	for i, h := range b.Table(metric.App).Histograms {
		if h == nil {
			fmt.Fprintf(&s, "%d none\n", i)
			continue
		}
		fmt.Fprintf(&s, "%d count %v sum %v zero %v\n", i, h.Count(), h.Sum(), h.Zero())
		for b := h.Negative(); b.Next(); {
			fmt.Fprintf(&s, "\tnegative %d: %v\n", b.Index, b.Count)
		}
		for b := h.Positive(); b.Next(); {
			fmt.Fprintf(&s, "\t%d: %v\n", b.Index, b.Count)
		}
	}
	return s.String()
}

func TestGoldenHistograms(t *testing.T) {
	enc, dec := NewEncoder(EncoderOptions{Codec: Raw}), NewDecoder()
	var key Batch
	for i, b := range goldenHistograms() {
		file := filepath.Join("testdata", fmt.Sprintf("v1-histograms-%d", i))
		wrote := encode(t, enc, b)[0]
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, file+".frame", wrote)
			write(t, file+".txt", []byte(dump(b)+dumpHistograms(b)))
		}
		got := &Batch{}
		if err := dec.Decode(read(t, file+".frame"), &key, got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if text, want := dump(got)+dumpHistograms(got), string(read(t, file+".txt")); text != want {
			t.Errorf("%s reads as\n%s\nwant\n%s", file, text, want)
		}
		if got.Keyframe() {
			key = *got
		}
	}
}
