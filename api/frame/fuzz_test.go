package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/metrics"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// maxAllocation bounds what one call may allocate for any input: the body, the
// values, the rows, labels and strings at their limits, and growth between.
const maxAllocation = 2*MaxBody + 8*MaxValues + 64*2*MaxRows + 32*2*MaxAllLabels + 16*3*MaxStrings +
	3*MaxHistograms + 3*MaxSets + 16<<20

func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// frameOf wraps a body.
func frameOf(h Header, codec Codec, raw int, body []byte) []byte {
	f := append(appendHeader(nil, &h, codec, raw), body...)
	seal(f)
	return f
}

func seeds(f testing.TB) (key Batch, frames [][]byte) {
	w := newWorld(1, 8).apps(12)
	w.churn, w.busy = 0.3, 0.5
	for _, codec := range []Codec{Raw, Zstd, S2} {
		e := NewEncoder(EncoderOptions{Codec: codec})
		for range 4 {
			frames = append(frames, encode(f, e, w.tick())[0])
		}
	}
	if err := NewDecoder().Decode(frames[0], nil, &key); err != nil {
		f.Fatal(err)
	}
	for _, of := range []string{"histograms", "sets"} { // small ones
		for i := range 3 {
			frames = append(frames, read(f, fmt.Sprintf("testdata/v1-%s-%d.frame", of, i)))
		}
	}
	return key, frames
}

// checkDecode decodes bytes of any sort, and what it yields must hold together.
func checkDecode(t *testing.T, data []byte, key *Batch, keyCols *Columns, keyHists *Sketches) {
	before := allocated()
	dec := NewDecoder()
	var dst Batch
	err := dec.Decode(data, key, &dst)
	if used := allocated() - before; used > maxAllocation {
		t.Fatalf("%d bytes make the decoder allocate %d", len(data), used)
	}
	var cols Columns
	want := []int{metric.CPUUsage, metric.MemCurrent}
	colsErr := dec.DecodeColumns(data, keyCols, &cols, metric.Container, want)
	var hists Sketches
	histsErr := dec.DecodeSketches(data, keyHists, &hists, nil)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrVersion) {
			t.Fatal(err)
		}
		return
	}
	if colsErr != nil {
		t.Fatalf("columns: %v", colsErr)
	}
	if histsErr != nil {
		t.Fatalf("histograms: %v", histsErr)
	}
	if app := dst.Table(metric.App); app != nil {
		alone := Table{Rows: hists.Rows, Histograms: hists.Histograms}
		sameHistogramsAt(t, app, &alone)
		sameSetsAt(t, app.Sets, hists.Sets, len(app.Rows))
	}
	if err := Verify(data); err != nil {
		t.Fatal(err)
	}
	if h, err := Peek(data); err != nil || h != dst.Header {
		t.Fatalf("%+v, %v, but %+v", h, err, dst.Header)
	}
	for i := range dst.Tables {
		tab := &dst.Tables[i]
		if len(tab.Vals) != len(tab.Rows)*tab.Width() {
			t.Fatal("values and rows do not match")
		}
		for _, r := range tab.Rows {
			for l := range r.Labels {
				if r.Labels[l].Name == "" || r.Labels[l].Value == "" {
					t.Fatal("empty label")
				}
			}
		}
	}
	if tab := dst.Table(metric.Container); tab != nil {
		if len(cols.Rows) != len(tab.Rows) {
			t.Fatalf("%d rows by column, %d in all", len(cols.Rows), len(tab.Rows))
		}
		for r := range tab.Rows {
			for i, c := range want {
				if cols.Vals[i][r] != tab.Row(r)[c] {
					t.Fatalf("row %d column %d differs by column", r, c)
				}
			}
		}
	}
	// What was decoded can be sent on, and comes out the same.
	again := dst
	enc := NewEncoder(EncoderOptions{MaxPayload: 64 << 20})
	parts, err := enc.Encode(&again)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) == 1 && enc.Repaired() == 0 {
		var back Batch
		if err := dec.Decode(parts[0], nil, &back); err != nil {
			t.Fatal(err)
		}
		again.Parts = 1
		same(t, &again, &back)
	}
}

// FuzzDecode gives the decoder whole frames, with the checksum mended, so that
// the fuzzer gets past it.
func FuzzDecode(f *testing.F) {
	key, frames := seeds(f)
	for _, data := range frames {
		f.Add(data)
	}
	keyCols, keyHists := columnsOf(f, frames[0]), histogramsOf(f, frames[0])
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Peek(data)
		checkDecode(t, data, &key, keyCols, keyHists)
		if len(data) >= prefixSize {
			data = bytes.Clone(data)
			seal(data)
			checkDecode(t, data, &key, keyCols, keyHists)
		}
	})
}

// FuzzBody gives it a body under a good header: a keyframe's and a delta's.
func FuzzBody(f *testing.F) {
	key, frames := seeds(f)
	keyCols, keyHists := columnsOf(f, frames[0]), histogramsOf(f, frames[0])
	for _, data := range frames {
		var h Header
		env, err := parseHeader(data, &h)
		if err != nil {
			f.Fatal(err)
		}
		if env.codec == Raw {
			f.Add(data[env.body:])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h := key.Header
		checkDecode(t, frameOf(h, Raw, len(body), body), nil, nil, nil)
		h.Seq++
		checkDecode(t, frameOf(h, Raw, len(body), body), &key, keyCols, keyHists)
	})
}

func columnsOf(t testing.TB, data []byte) *Columns {
	var c Columns
	if err := NewDecoder().DecodeColumns(
		data, nil, &c, metric.Container, []int{metric.CPUUsage, metric.MemCurrent},
	); err != nil {
		t.Fatal(err)
	}
	return &c
}

// Few bytes must not buy much memory: each limit is checked before it is used.
func TestLimits(t *testing.T) {
	h := Header{Agent: "n", Boot: 1, Seq: 1, Key: 1, Parts: 1}
	u := binary.AppendUvarint
	table := func(kind, width, rows uint64, set []byte, rest ...byte) []byte {
		s := u(u(u(u(nil, 0), width), rows), uint64(len(set)))
		s = append(append(s, set...), rest...)
		return append(u(u(nil, kind), uint64(len(s))), s...)
	}
	added := func(n uint64) []byte { return u(nil, n<<1|1) }
	kept := func(n uint64, start int64) []byte { return binary.AppendVarint(u(nil, n<<1), start) }
	key := Batch{
		Header: h,
		Tables: []Table{
			{
				Kind: metric.ContainerIO,
				Rows: []*Row{{ID: 1}, {ID: 2}},
				Vals: make([]int64, 2*metric.Width(metric.ContainerIO)),
			},
		},
	}
	io := uint64(metric.ContainerIO)
	for name, body := range map[string][]byte{
		"rows without identities":  table(io, 6, 1<<17, added(1<<17), 0),
		"too many rows":            table(io, 6, MaxRows+1, added(MaxRows+1), 0),
		"rows of a huge count":     table(io, 6, 1<<63, added(1<<62), 0),
		"run of no rows":           table(io, 6, 0, added(0), 0),
		"kept rows in a keyframe":  table(io, 6, 1, kept(1, 0), 0),
		"too wide":                 table(io, MaxWidth+1, 0, nil, make([]byte, MaxWidth)...),
		"column without bytes":     table(io, 6, 0, nil, 1, 5),
		"column of no rows":        table(io, 6, 0, nil, 1, 1, 2),
		"run past the rows":        table(io, 6, 1, []byte{3, 2, 0, 0, 0, 0}, 1, 2, 0, 99),
		"run of no zeros":          table(io, 6, 1, []byte{3, 2, 0, 0, 0, 0}, 1, 2, 0, 0),
		"flag past the width":      table(io, 6, 0, nil, 0x80),
		"unfinished varint":        table(io, 6, 1, []byte{3, 2, 0, 0, 0, 0}, 1, 1, 0x80),
		"string of huge length":    table(io, 6, 1, append([]byte{3, 2, 0, 0}, u(nil, 1<<40)...), 0),
		"string not yet defined":   table(io, 6, 1, []byte{3, 2, 0, 5, 0}, 0),
		"labels without bytes":     table(io, 6, 1, append([]byte{3, 2, 0, 0, 0}, u(nil, 256)...), 0),
		"labels not sorted":        table(io, 6, 1, []byte{3, 2, 0, 0, 0, 2, 0, 1, 'b', 0, 1, 'v', 0, 1, 'a', 4}, 0),
		"label not utf-8":          table(io, 6, 1, []byte{3, 2, 0, 0, 0, 1, 0, 1, 'b', 0, 1, 0xff}, 0),
		"kind twice":               append(table(io, 6, 0, nil, 0), table(io, 6, 0, nil, 0)...),
		"section past the end":     {byte(io), 200, 1},
		"two tables past the cap":  append(table(3, 1, MaxRows, nil, 0), table(io, 6, MaxRows, nil, 0)...),
		"length of a huge section": u(u(nil, io), 1<<63),
	} {
		for _, delta := range []bool{false, true} {
			head := h
			if delta {
				head.Seq++
			}
			before := allocated()
			var dst Batch
			err := NewDecoder().Decode(frameOf(head, Raw, len(body), body), &key, &dst)
			if used := allocated() - before; used > 1<<20 {
				t.Errorf("%s: %d bytes allocated for %d", name, used, len(body))
			}
			if !errors.Is(err, ErrCorrupt) && !(delta && name == "kept rows in a keyframe") {
				t.Errorf("%s (delta %v): %v", name, delta, err)
			}
		}
	}
	for name, data := range map[string][]byte{
		"empty":            {},
		"other bytes":      []byte("hello, world"),
		"body too large":   frameOf(h, Raw, MaxBody+1, nil),
		"zstd of nonsense": frameOf(h, Zstd, 100, []byte("nonsense")),
		"s2 of nonsense":   frameOf(h, S2, 100, []byte("nonsense")),
		"unknown codec":    frameOf(h, 9, 0, nil),
		"no agent":         frameOf(Header{Seq: 1, Key: 1, Parts: 1}, Raw, 0, nil),
		"no seq":           frameOf(Header{Agent: "n", Parts: 1}, Raw, 0, nil),
		"part of no parts": frameOf(Header{Agent: "n", Seq: 1, Key: 1, Part: 1, Parts: 1}, Raw, 0, nil),
		"a flipped bit":    append(frameOf(h, Raw, 0, nil), 0),
	} {
		if err := NewDecoder().Decode(data, nil, &Batch{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	newer := frameOf(h, Raw, 0, nil)
	newer[3]++
	if _, err := Peek(newer); !errors.Is(err, ErrVersion) {
		t.Errorf("newer version: %v", err)
	}
}

// A compressed body that is larger than it says, or than it may be, stops at
// the limit.
func TestBomb(t *testing.T) {
	z, err := newZstdEncoder()
	if err != nil {
		t.Fatal(err)
	}
	bomb := z.EncodeAll(make([]byte, 256<<20), nil)
	h := Header{Agent: "n", Seq: 1, Key: 1, Parts: 1}
	for _, says := range []int{100, MaxBody} {
		before := allocated()
		err := NewDecoder().Decode(frameOf(h, Zstd, says, bomb), nil, &Batch{})
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d: %v", says, err)
		}
		if used := allocated() - before; used > 2*uint64(says)+16<<20 {
			t.Errorf("%d bytes allocated for a body of %d", used, says)
		}
	}
}
