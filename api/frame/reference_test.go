package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// The reference is FORMAT.md again, written to be plain and not quick, in both
// directions. The codec is checked against it.

// refEncode writes one frame of one part, not compressed. width is what the
// writer's catalogue has; tail goes behind the tables.
func refEncode(b, key *Batch, width func(metric.Kind) int, tail []byte) []byte {
	var body []byte
	for i := range b.Tables {
		t := &b.Tables[i]
		var kt *Table
		if key != nil {
			kt = key.Table(t.Kind)
		}
		sec := refTable(t, kt, width(t.Kind))
		body = binary.AppendUvarint(body, uint64(t.Kind))
		body = binary.AppendUvarint(body, uint64(len(sec)))
		body = append(body, sec...)
	}
	if t := b.Table(metric.App); t != nil {
		var kt *Table
		if key != nil {
			kt = key.Table(metric.App)
		}
		body = append(body, refHistograms(t, kt)...)
		body = append(body, refCollapsed(t, kt)...)
		body = append(body, refSets(t, kt)...)
	}
	body = append(body, tail...)
	h := b.Header
	var f []byte
	f = append(f, 2)
	f = binary.AppendUvarint(f, uint64(len(h.Agent)))
	f = append(f, h.Agent...)
	f = binary.LittleEndian.AppendUint64(f, h.Boot)
	f = binary.AppendUvarint(f, h.Seq)
	f = binary.AppendUvarint(f, h.Seq-h.Key)
	f = binary.AppendVarint(f, h.Time)
	f = binary.AppendVarint(f, h.Interval)
	f = binary.AppendUvarint(f, uint64(h.Part))
	f = binary.AppendUvarint(f, uint64(h.Parts))
	f = binary.AppendUvarint(f, uint64(len(body)))
	f = append(f, body...)
	out := append([]byte("d2f\x01"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(out[4:], crc32.Checksum(f, crc32.MakeTable(crc32.Castagnoli)))
	return append(out, f...)
}

func refTable(t, kt *Table, width int) []byte {
	base := make([]int, len(t.Rows)) // index in the keyframe, -1
	for i, r := range t.Rows {
		base[i] = -1
		if kt != nil {
			base[i] = slices.IndexFunc(kt.Rows, func(k *Row) bool { return sameIdentity(k, r) })
		}
	}
	var set []byte
	strs := map[string]int{}
	str := func(s string) {
		if n, ok := strs[s]; ok {
			set = binary.AppendUvarint(set, uint64(n))
			return
		}
		strs[s] = len(strs) + 1
		set = append(set, 0)
		set = binary.AppendUvarint(set, uint64(len(s)))
		set = append(set, s...)
	}
	var id, parent uint64
	expect := 0
	for i, r := range t.Rows { // every run has one row: allowed, if wasteful
		if base[i] >= 0 {
			set = binary.AppendUvarint(set, 1<<1)
			set = binary.AppendVarint(set, int64(base[i]-expect))
			expect = base[i] + 1
			continue
		}
		set = binary.AppendUvarint(set, 1<<1|1)
		set = binary.AppendVarint(set, int64(r.ID-id))
		set = binary.AppendVarint(set, int64(r.Parent-parent))
		id, parent = r.ID, r.Parent
		str(r.Key)
		set = binary.AppendUvarint(set, uint64(len(r.Labels)))
		for _, l := range r.Labels {
			str(l.Name)
			str(l.Value)
		}
	}
	bitmap := make([]byte, (width+7)/8)
	var lengths, columns []byte
	for c := range width {
		var col []byte
		zeros := 0
		for i := range t.Rows {
			from := int64(0)
			if base[i] >= 0 {
				from = refValue(kt, base[i], c)
			} else if i > 0 {
				from = refValue(t, i-1, c)
			}
			d := refValue(t, i, c) - from
			if d == 0 {
				zeros++
				continue
			}
			if zeros > 0 {
				col = append(col, 0)
				col = binary.AppendUvarint(col, uint64(zeros))
				zeros = 0
			}
			col = binary.AppendVarint(col, d)
		}
		if len(col) > 0 {
			bitmap[c/8] |= 1 << (c % 8)
			lengths = binary.AppendUvarint(lengths, uint64(len(col)))
			columns = append(columns, col...)
		}
	}
	var sec []byte
	sec = binary.AppendUvarint(sec, t.Gen)
	sec = binary.AppendUvarint(sec, uint64(width))
	sec = binary.AppendUvarint(sec, uint64(len(t.Rows)))
	sec = binary.AppendUvarint(sec, uint64(len(set)))
	return slices.Concat(sec, set, bitmap, lengths, columns)
}

// refValue is a value as a writer has it: columns that this catalogue lacks hold
// something too.
func refValue(t *Table, row, c int) int64 {
	if c < t.Width() {
		return t.Row(row)[c]
	}
	return int64(row*1000 + c)
}

// refDecode reads a frame, or panics.
func refDecode(data []byte, key *Batch) *Batch {
	if crc32.Checksum(data[8:], crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(data[4:]) ||
		string(data[:4]) != "d2f\x01" {
		panic("checksum")
	}
	r := bytes.NewReader(data[8:])
	codec, _ := r.ReadByte()
	b := &Batch{}
	b.Agent = string(refBytes(r))
	_ = binary.Read(r, binary.LittleEndian, &b.Boot)
	b.Seq = refU(r)
	b.Key = b.Seq - refU(r)
	b.Time, b.Interval = refI(r), refI(r)
	b.Part, b.Parts = uint16(refU(r)), uint16(refU(r))
	size := refU(r)
	body, _ := io.ReadAll(r)
	var err error
	switch codec {
	case 0:
		z, _ := zstd.NewReader(nil)
		defer z.Close()
		body, err = z.DecodeAll(body, nil)
	case 1:
		body, err = s2.Decode(nil, body)
	}
	if err != nil || uint64(len(body)) != size {
		panic(fmt.Sprint("body: ", err))
	}
	r = bytes.NewReader(body)
	var listed []*sketch.Histogram
	for r.Len() > 0 {
		section := refU(r)
		k := metric.Kind(section)
		if section == 140 {
			t := b.Table(metric.App)
			base := make([]*sketch.Histogram, len(t.Rows))
			copy(base, t.Histograms)
			t.Histograms = append(t.Histograms[:0], base...)
			listed = refReadHistograms(t, base, bytes.NewReader(refBytes(r)))
			continue
		}
		if section == 268 {
			refReadCollapsed(listed, bytes.NewReader(refBytes(r)))
			continue
		}
		if section == 396 {
			t := b.Table(metric.App)
			if len(t.Sets) == 0 {
				t.Sets = make([]*sketch.Set, len(t.Rows))
			}
			refReadSets(t, bytes.NewReader(refBytes(r)))
			continue
		}
		var kt *Table
		if key != nil && !b.Keyframe() {
			kt = key.Table(k)
		}
		t := refReadTable(k, bytes.NewReader(refBytes(r)), kt)
		if kt != nil && len(kt.Histograms) > 0 {
			for _, row := range t.Rows {
				var h *sketch.Histogram
				if i := slices.Index(kt.Rows, row); i >= 0 {
					h = kt.Histograms[i]
				}
				t.Histograms = append(t.Histograms, h)
			}
		}
		if kt != nil && len(kt.Sets) > 0 {
			for _, row := range t.Rows {
				var s *sketch.Set
				if i := slices.Index(kt.Rows, row); i >= 0 {
					s = kt.Sets[i]
				}
				t.Sets = append(t.Sets, s)
			}
		}
		b.Tables = append(b.Tables, t)
	}
	return b
}

func refReadTable(k metric.Kind, r *bytes.Reader, kt *Table) Table {
	t := Table{Kind: k, Gen: refU(r)}
	width, rows := int(refU(r)), int(refU(r))
	set := bytes.NewReader(refBytes(r))
	var base []int
	var strs []string
	str := func() string {
		if n := refU(set); n > 0 {
			return strs[n-1]
		}
		strs = append(strs, string(refBytes(set)))
		return strs[len(strs)-1]
	}
	var id, parent uint64
	expect := 0
	for set.Len() > 0 {
		h := refU(set)
		if h&1 == 0 {
			expect += int(refI(set))
		}
		for range h >> 1 {
			if h&1 == 0 {
				t.Rows = append(t.Rows, kt.Rows[expect])
				base = append(base, expect)
				expect++
				continue
			}
			id += uint64(refI(set))
			parent += uint64(refI(set))
			row := &Row{ID: id, Parent: parent, Key: str()}
			for range refU(set) {
				row.Labels = append(row.Labels, Label{str(), str()})
			}
			t.Rows = append(t.Rows, row)
			base = append(base, -1)
		}
	}
	if len(t.Rows) != rows {
		panic("rows")
	}
	bitmap := make([]byte, (width+7)/8)
	_, _ = io.ReadFull(r, bitmap)
	lengths := make([]int, width)
	for c := range width {
		if bitmap[c/8]>>(c%8)&1 == 1 {
			lengths[c] = int(refU(r))
		}
	}
	w := t.Width()
	t.Vals = make([]int64, rows*w)
	for c := range width {
		col := make([]byte, lengths[c])
		_, _ = io.ReadFull(r, col)
		cr := bytes.NewReader(col)
		zeros := uint64(0)
		before := int64(0)
		for i := range rows {
			from := before
			if base[i] >= 0 {
				from = kt.Row(base[i])[c]
			}
			d := int64(0)
			if zeros > 0 {
				zeros--
			} else if cr.Len() > 0 {
				if d = refI(cr); d == 0 {
					zeros = refU(cr) - 1
				}
			}
			before = from + d
			if c < w {
				t.Row(i)[c] = before
			}
		}
	}
	for i := range rows {
		for c := width; c < w; c++ {
			t.Row(i)[c] = metric.Absent
		}
	}
	return t
}

func refU(r *bytes.Reader) uint64 {
	v, err := binary.ReadUvarint(r)
	if err != nil {
		panic(err)
	}
	return v
}

func refI(r *bytes.Reader) int64 { return unzigzag(refU(r)) }

func refBytes(r *bytes.Reader) []byte {
	b := make([]byte, refU(r))
	if _, err := io.ReadFull(r, b); err != nil {
		panic(err)
	}
	return b
}

// The codec and the reference read each other's frames, whatever happens to the rows.
func TestAgainstReference(t *testing.T) {
	for seed := range uint64(12) {
		w := newWorld(seed, 5+int(seed)*6).apps(int(seed) * 2)
		w.busy, w.churn = w.r.Float64(), w.r.Float64()
		w.noGen = seed%4 == 3
		opt := EncoderOptions{KeyEvery: 2 + w.r.IntN(20), Codec: Codec(seed % 3)}
		if seed%2 == 1 {
			opt.MaxPayload = 12 << 10 // a set takes up to 8
		}
		enc, dec := NewEncoder(opt), NewDecoder()
		if seed%2 == 0 {
			enc.small = 0 // Zstd for all
		}
		refKeys := map[uint16]*Batch{}
		var key, got Batch
		for range 60 {
			b := w.tick()
			parts, err := enc.Encode(b)
			if err != nil {
				t.Fatal(err)
			}
			var all []*Batch
			for _, p := range parts {
				h, err := Peek(p)
				if err != nil {
					t.Fatal(err)
				}
				one := refDecode(p, refKeys[h.Part])
				if h.Keyframe() {
					refKeys[h.Part] = one
				}
				all = append(all, one)
			}
			var merged Batch
			Merge(all, &merged)
			same(t, b, &merged)

			// The other direction: keyframes now and then, deltas between.
			whole := *b
			whole.Part, whole.Parts, whole.Key = 0, 1, whole.Seq
			dst, against := &key, (*Batch)(nil)
			if whole.Seq%7 != 1 {
				whole.Key, dst, against = key.Seq, &got, &key
			}
			if err := dec.Decode(refEncode(&whole, against, metric.Width, nil), against, dst); err != nil {
				t.Fatalf("seed %d seq %d: %v", seed, b.Seq, err)
			}
			same(t, &whole, dst)
		}
	}
}
