package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// hashes is the set of members from one number to another.
func hashes(from, to int) *sketch.Set {
	s := new(sketch.Set)
	for i := from; i < to; i++ {
		s.AddBytes(fmt.Append(nil, "user-", i))
	}
	return s
}

// sameSetsAt compares row by row.
func sameSetsAt(t testing.TB, want, got []*sketch.Set, rows int) {
	t.Helper()
	of := func(sets []*sketch.Set, i int) *sketch.Set {
		if len(sets) == 0 {
			return nil
		}
		return sets[i]
	}
	for i := range rows {
		w, g := of(want, i), of(got, i)
		if (w == nil) != (g == nil) || w != nil && !w.Equal(g) {
			t.Fatalf("row %d: %+v, want %+v", i, g, w)
		}
	}
}

// tableOf is a tick with these sets.
func tableOf(seq uint64, sets ...*sketch.Set) *Batch {
	b := &Batch{Header: Header{Agent: "n", Seq: seq, Interval: 1}}
	tab := Table{Kind: metric.App, Gen: 1, Sets: sets}
	for i := range sets {
		tab.Rows = append(tab.Rows, &Row{ID: uint64(i + 1), Key: fmt.Sprint(i)})
	}
	tab.Vals = make([]int64, len(sets)*tab.Width())
	b.Tables = []Table{tab}
	return b
}

// Every way from one set to another comes out the same, at the price expected.
func TestSetSteps(t *testing.T) {
	few, full, many, more := hashes(0, 40), hashes(0, 64), hashes(0, 5000), hashes(0, 5100)
	for name, c := range map[string]struct {
		from, to *sketch.Set
		bytes    int // at most, heads and all
	}{
		"none to empty":         {nil, hashes(0, 0), 12},
		"none to few":           {nil, few, 12 + 40*8},
		"none to many":          {nil, many, 12 + 2*4096},
		"few to none":           {few, nil, 12},
		"few to empty":          {few, hashes(0, 0), 12},
		"one more":              {few, hashes(0, 41), 12 + 8},
		"some gone":             {few, hashes(10, 40), 12 + 10},
		"other few":             {few, hashes(100, 103), 12 + 3*8},
		"few to many":           {full, many, 12 + 2*4096},
		"few to one too many":   {full, hashes(0, 65), 14 + 2},
		"many to more":          {many, more, 14 + 2*100},
		"many to few":           {many, few, 12 + 40*8},
		"many to a few more":    {many, hashes(9000, 9070), 14 + 3*70},
		"many to none":          {many, nil, 12},
		"wide, and empty":       {nil, wideOf(hashes(0, 0)), 12},
		"the same few in other": {few, wideOf(few), 12},
	} {
		enc, dec := NewEncoder(EncoderOptions{Codec: Raw}), NewDecoder()
		var key, got Batch
		if err := dec.Decode(encode(t, enc, tableOf(1, c.from, few))[0], nil, &key); err != nil {
			t.Fatal(err)
		}
		empty := len(encode(t, enc, tableOf(2, c.from, few))[0])
		data := encode(t, enc, tableOf(3, c.to, few))[0]
		if err := dec.Decode(data, &key, &got); err != nil || got.Keyframe() {
			t.Fatalf("%s: %v", name, err)
		}
		sameSets(t, tableOf(3, c.to, few).Table(metric.App), got.Table(metric.App))
		if n := len(data) - empty; n > c.bytes || n == 0 {
			t.Errorf("%s takes %d bytes", name, n)
		}
		if key.Tables[0].Sets[1] != got.Tables[0].Sets[1] {
			t.Errorf("%s: what did not change is not shared", name)
		}
	}
}

func wideOf(s *sketch.Set) *sketch.Set {
	w := new(sketch.Set)
	w.CopyWide(s)
	return w
}

// A tick whose sets exceed what a frame may define is split.
func TestSetsSplit(t *testing.T) {
	sets := make([]*sketch.Set, MaxSets/4096+100)
	for i := range sets {
		sets[i] = wideOf(hashes(i, i+2))
	}
	b := tableOf(1, sets...)
	parts, err := NewEncoder(EncoderOptions{MaxPayload: 64 << 20}).Encode(b)
	if err != nil || len(parts) < 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	same(t, b, newSink().take(t, parts))
}

// A set that no part takes is refused, and not before long.
func TestSetTooBig(t *testing.T) {
	sets := make([]*sketch.Set, 100)
	sets[50] = hashes(0, 5000)
	enc := NewEncoder(EncoderOptions{MaxPayload: 4 << 10, Codec: Raw})
	if _, err := enc.Encode(tableOf(1, sets...)); !errors.Is(err, ErrTooBig) {
		t.Error(err)
	}
	if n := cap(enc.parts); n > 1000 {
		t.Errorf("room for %d parts", n)
	}
}

func TestEncodeRefusesSets(t *testing.T) {
	s := []*sketch.Set{nil}
	for name, tab := range map[string]Table{
		"of another kind": {
			Kind: metric.Disk, Rows: []*Row{{ID: 1}}, Vals: make([]int64, metric.Width(metric.Disk)), Sets: s,
		},
		"without rows": {Kind: metric.App, Sets: s},
	} {
		if _, err := NewEncoder(EncoderOptions{}).Encode(&Batch{
			Header: Header{Agent: "n", Seq: 1}, Tables: []Table{tab},
		}); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// Builders of sections, as an encoder never writes them.

func uvarint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

func rawSection(kind uint64, b ...byte) []byte {
	return append(uvarint(uvarint(nil, kind), uint64(len(b))), b...)
}

// setLists is the body of a section of sets: heads of rows, indexes, values.
func setLists(heads, indexes []byte, values ...byte) []byte {
	b := append(uvarint(nil, uint64(len(heads))), heads...)
	b = append(uvarint(b, uint64(len(indexes))), indexes...)
	return append(b, values...)
}

// oneSet is setLists of the first row.
func oneSet(flags byte, indexes []byte, values ...byte) []byte {
	return setLists(uvarint(uvarint([]byte{flags}, uint64(len(indexes))), uint64(len(values))), indexes, values...)
}

func hashesOf(hashes ...uint64) (b []byte) {
	for _, h := range hashes {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

// appRows is a table of n rows of kind App.
func appRows(n int) []byte {
	set := uvarint(nil, uint64(n)<<1|1)
	for i := range n {
		if i == 0 {
			set = append(set, 2, 0, 0, 0, 0)
		} else {
			set = append(set, 2, 0, 1, 0)
		}
	}
	tab := uvarint(uvarint(uvarint(uvarint(nil, 0), uint64(metric.Width(metric.App))), uint64(n)), uint64(len(set)))
	tab = append(append(tab, set...), make([]byte, (metric.Width(metric.App)+7)/8)...)
	return rawSection(uint64(metric.App), tab...)
}

// decodeSections decodes a keyframe of these sections, as a whole and for its
// sketches alone: both must come to the same end.
func decodeSections(t *testing.T, sections ...[]byte) error {
	t.Helper()
	body := bytes.Join(sections, nil)
	b := frameOf(Header{Agent: "n", Boot: 1, Seq: 1, Key: 1, Parts: 1}, Raw, len(body), body)
	err := NewDecoder().Decode(b, nil, new(Batch))
	if again := NewDecoder().DecodeSketches(b, nil, new(Sketches), nil); (again == nil) != (err == nil) {
		t.Errorf("alone: %v, but: %v", again, err)
	}
	return err
}

func TestSetSections(t *testing.T) {
	for name, good := range map[string][]byte{
		"hashes":    rawSection(396, oneSet(setAnew, []byte{0}, hashesOf(1, 2)...)...),
		"registers": rawSection(396, oneSet(setWide, []byte{0, 9}, 1, sketch.MaxRank)...),
		"nothing":   rawSection(396, setLists(nil, nil)...),
	} {
		if err := decodeSections(t, appRows(1), good); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Few bytes must not buy much memory, and what makes no sense is refused.
func TestSetLimits(t *testing.T) {
	none := rawSection(396, setLists(nil, nil)...)
	many := make([]uint64, sketch.MaxExact+1)
	for i := range many {
		many[i] = uint64(i)
	}
	for name, sec := range map[string][]byte{
		"cut":                    rawSection(396, 5),
		"of no row":              rawSection(396, setLists([]byte{1 << 3, 0, 0}, nil)...),
		"of a far row":           rawSection(396, setLists(uvarint(nil, 1<<62), nil)...),
		"twice a row":            rawSection(396, setLists([]byte{0, 1, 0, 0, 1, 0}, []byte{0, 0})...),
		"two sections":           append(none[:len(none):len(none)], none...),
		"histograms behind":      append(none[:len(none):len(none)], rawSection(140, setLists(nil, nil)...)...),
		"no lengths":             rawSection(396, setLists([]byte{0}, []byte{0})...),
		"lengths past the end":   rawSection(396, setLists([]byte{0, 2, 0}, []byte{0})...),
		"huge lengths":           rawSection(396, setLists(append([]byte{0, 1}, uvarint(nil, 1<<60)...), []byte{0})...),
		"half a hash":            rawSection(396, oneSet(0, []byte{0}, 1, 2, 3)...),
		"no indexes":             rawSection(396, oneSet(0, nil, hashesOf(1)...)...),
		"gone from nothing":      rawSection(396, oneSet(0, []byte{1, 0})...),
		"indexes left over":      rawSection(396, oneSet(0, []byte{0, 0})...),
		"hashes that fall":       rawSection(396, oneSet(0, []byte{0}, hashesOf(2, 1)...)...),
		"a hash twice":           rawSection(396, oneSet(0, []byte{0}, hashesOf(2, 2)...)...),
		"more than exact":        rawSection(396, oneSet(0, []byte{0}, hashesOf(many...)...)...),
		"rank too high":          rawSection(396, oneSet(setWide, []byte{0}, sketch.MaxRank+1)...),
		"register too far":       rawSection(396, oneSet(setWide, uvarint(nil, sketch.Registers), 1)...),
		"registers too far":      rawSection(396, oneSet(setWide, append(uvarint(nil, sketch.Registers-1), 0), 1, 1)...),
		"register without index": rawSection(396, oneSet(setWide, []byte{0}, 1, 1)...),
		"index without register": rawSection(396, oneSet(setWide, []byte{0, 0}, 1)...),
		"lists left over":        rawSection(396, setLists([]byte{0, 1, 0}, []byte{0, 7}, 9)...),
		"collapsed from nowhere": rawSection(268, 0, 2),
	} {
		if err := decodeSections(t, appRows(1), sec); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := Header{Agent: "n", Boot: 1, Seq: 1, Key: 1, Parts: 1}
	if err := NewDecoder().Decode(frameOf(h, Raw, len(none), none), nil, new(Batch)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without a table: %v", err)
	}
}

// Sets that together would take more memory than a frame may are refused before
// they take it.
func TestSetMemoryIsBounded(t *testing.T) {
	n := MaxSets/4096 + 10
	var heads []byte
	for range n {
		heads = append(heads, setWide, 0, 0)
	}
	before := allocated()
	if err := decodeSections(t, appRows(n), rawSection(396, setLists(heads, nil)...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("too much memory: %v", err)
	}
	if used := allocated() - before; used > 6*MaxSets {
		t.Errorf("%d bytes allocated", used)
	}
}

// A reader of before knows section 140 alone, and decodes the rest as ever: what
// it does not know is skipped.
func TestSetsAreSkipped(t *testing.T) {
	b := tableOf(1, hashes(0, 10), hashes(0, 1000))
	enc := NewEncoder(EncoderOptions{Codec: Raw})
	data := encode(t, enc, b)[0]
	at := strings.LastIndex(string(data), string(binary.AppendUvarint(nil, 396)))
	if at < 0 {
		t.Fatal("no section of sets")
	}
	data[at], data[at+1] = 0x90, 0x7f // another kind, of two bytes too
	seal(data)
	var got Batch
	if err := NewDecoder().Decode(data, nil, &got); err != nil {
		t.Fatal(err)
	}
	b.Tables[0].Sets = nil
	same(t, b, &got)
}

// goldenSets is a keyframe and two deltas with every sort of set.
func goldenSets() []*Batch {
	rows := []*Row{
		{ID: 1, Parent: 9, Key: "users", Labels: []Label{{"tag.path", "/"}, {"type", "s"}}},
		{ID: 2, Parent: 9, Key: "requests", Labels: []Label{{"type", "c"}}},
		{ID: 3, Parent: 9, Key: "visitors", Labels: []Label{{"type", "s"}}},
		{ID: 4, Parent: 9, Key: "addresses", Labels: []Label{{"type", "s"}}},
		{ID: 5, Parent: 9, Key: "request.time", Labels: []Label{{"type", "ms"}}},
	}
	h := new(sketch.Histogram)
	h.Insert(12, 3)
	head := Header{Agent: "node-1", Boot: 0x0123456789abcdef, Time: 1_700_000_000_000_000_000, Interval: 1e9}
	tick := func(seq uint64, collapsed float64, sets ...*sketch.Set) *Batch {
		out := &Batch{Header: head}
		out.Seq, out.Time = seq, head.Time+int64(seq)*head.Interval
		wide := h.Clone()
		wide.SetCollapsed(collapsed)
		tab := Table{
			Kind:       metric.App,
			Gen:        1,
			Rows:       rows,
			Sets:       sets,
			Histograms: []*sketch.Histogram{nil, nil, nil, nil, wide},
		}
		tab.Vals = make([]int64, len(rows)*tab.Width())
		for i := range tab.Vals {
			tab.Vals[i] = metric.Absent
		}
		for i, s := range sets {
			if s != nil {
				tab.Row(i)[metric.AppValue] = metric.FromFloat(s.Estimate())
			}
		}
		out.Tables = []Table{tab}
		return out
	}
	return []*Batch{
		tick(7, 0, hashes(0, 3), nil, hashes(0, 64), hashes(0, 70), nil),
		tick(8, 5, hashes(1, 5), nil, hashes(0, 66), hashes(0, 72), nil),
		tick(9, 2.5, nil, nil, hashes(50, 53), hashes(90, 160), hashes(0, 0)),
	}
}

func dumpSets(b *Batch) string {
	var s strings.Builder
	for i, set := range b.Table(metric.App).Sets {
		switch {
		case set == nil:
			fmt.Fprintf(&s, "%d none\n", i)
		case set.Exact():
			fmt.Fprintf(&s, "%d members %v:%x\n", i, set.Estimate(), set.Hashes())
		default:
			fmt.Fprintf(&s, "%d about %v:", i, set.Estimate())
			for r, rank := range set.Registers() {
				if rank > 0 {
					fmt.Fprintf(&s, " %d=%d", r, rank)
				}
			}
			s.WriteByte('\n')
		}
	}
	for i, h := range b.Table(metric.App).Histograms {
		if h != nil {
			fmt.Fprintf(&s, "%d count %v collapsed %v\n", i, h.Count(), h.Collapsed())
		}
	}
	return s.String()
}

func TestGoldenSets(t *testing.T) {
	enc, dec := NewEncoder(EncoderOptions{Codec: Raw}), NewDecoder()
	var key Batch
	for i, b := range goldenSets() {
		file := filepath.Join("testdata", fmt.Sprintf("v1-sets-%d", i))
		wrote := encode(t, enc, b)[0]
		if *update {
			write(t, file+".frame", wrote)
			write(t, file+".txt", []byte(dump(b)+dumpSets(b)))
		}
		got := &Batch{}
		if err := dec.Decode(read(t, file+".frame"), &key, got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if text, want := dump(got)+dumpSets(got), string(read(t, file+".txt")); text != want {
			t.Errorf("%s reads as\n%s\nwant\n%s", file, text, want)
		}
		if got.Keyframe() {
			key = *got
		}
	}
}

// What a table owns is weighed: its copies, not what it shares with its keyframe.
func TestSketchBytes(t *testing.T) {
	few, many := hashes(0, 10), hashes(0, 1000)
	enc, dec := NewEncoder(EncoderOptions{}), NewDecoder()
	var key, got Batch
	for _, c := range []struct {
		sets []*sketch.Set
		want int
	}{
		{[]*sketch.Set{few, many, nil}, few.Size() + many.Size()},
		{[]*sketch.Set{few, many, nil}, 0},
		{[]*sketch.Set{few, hashes(0, 1001), hashes(0, 2)}, hashes(0, 1001).Size() + hashes(0, 2).Size()},
	} {
		dst := &got
		if key.Seq == 0 {
			dst = &key
		}
		if err := dec.Decode(encode(t, enc, tableOf(dst.Seq+1+key.Seq, c.sets...))[0], &key, dst); err != nil {
			t.Fatal(err)
		}
		var copied Table
		copied.SetSets(dst.Tables[0].Sets)
		all := 0
		for _, s := range c.sets {
			if s != nil {
				all += s.Size()
			}
		}
		if n := dst.Tables[0].SetBytes(); n != int64(c.want) || copied.SetBytes() != int64(all) {
			t.Errorf("%d bytes, want %d; a copy %d, want %d", n, c.want, copied.SetBytes(), all)
		}
	}
}
