package frame

import (
	"fmt"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/klauspost/compress/zstd"
)

// Defaults of EncoderOptions.
const (
	DefaultMaxPayload = 1<<20 - 4096 // the default max_payload of a NATS server, less some space for headers
	DefaultKeyEvery   = 60
)

// EncoderOptions are the options of an Encoder. The zero value of a field means its
// default.
type EncoderOptions struct {
	MaxPayload int   // largest part, bytes; default DefaultMaxPayload
	KeyEvery   int   // ticks between two keyframes; default DefaultKeyEvery
	Codec      Codec // default Zstd, which uses S2 for small bodies
}

// Encoder encodes the ticks of one agent as frames. It is not safe for concurrent use.
type Encoder struct {
	opt   EncoderOptions
	zstd  *zstd.Encoder
	small int // see smallBody

	tables [metric.MaxKind + 1]tableEncoder
	cols   []column
	dict   dictionary
	meta   []byte  // scratch: head of a table section
	body   []byte  // scratch: body of a part
	zeros  []int64 // base of a first row that is added
	hists  histogramEncoder
	sets   setEncoder
	parts  [][]byte // what Encode returns

	agent    string
	boot     uint64
	key      uint64 // Seq of the keyframe, 0 if there is none
	split    int    // parts of the keyframe
	keyBytes int    // of the keyframe, all parts
	keyRows  int    // of the keyframe, all tables
}

// NewEncoder returns an encoder whose first frame is a keyframe.
func NewEncoder(opt EncoderOptions) *Encoder {
	if opt.MaxPayload <= 0 {
		opt.MaxPayload = DefaultMaxPayload
	}
	if opt.KeyEvery <= 0 {
		opt.KeyEvery = DefaultKeyEvery
	}
	e := &Encoder{opt: opt, small: smallBody}
	e.dict.limit = min(MaxString, opt.MaxPayload/4)
	if opt.Codec == Zstd {
		z, err := newZstdEncoder()
		if err != nil {
			panic(err) // the options are constants
		}
		e.zstd = z
	}
	return e
}

// ForceKey makes the next frame a keyframe.
func (e *Encoder) ForceKey() { e.key = 0 }

// SetMaxPayload changes EncoderOptions.MaxPayload, for instance to a server's max_payload.
func (e *Encoder) SetMaxPayload(n int) {
	if n > 0 && n != e.opt.MaxPayload {
		e.opt.MaxPayload = n
		e.dict.limit = min(MaxString, n/4)
		e.key = 0
	}
}

// Repaired returns how many identities were invalid or too large, and were encoded with
// labels truncated, sorted or dropped.
func (e *Encoder) Repaired() uint64 { return e.dict.repaired }

// Encode returns the parts of a tick, which are valid until the next call. The caller sets
// Agent, Boot, Seq (ascending), Time and Interval; Encode sets Key, Part, Parts and
// Events. After an error the next frame is a keyframe.
func (e *Encoder) Encode(b *Batch) ([][]byte, error) {
	if err := check(b); err != nil {
		return nil, err
	}
	if e.key != 0 && !e.keyDue(b) {
		b.Key = e.key
		if _, ok := e.encodeParts(b, e.split); ok {
			return e.parts, nil
		}
	}
	if b.Agent != e.agent || b.Boot != e.boot { // Gen values are not comparable
		for k := range e.tables {
			e.tables[k].keySets.gen = 0
		}
	}
	if err := e.encodeKey(b); err != nil {
		e.key = 0
		return nil, err
	}
	return e.parts, nil
}

func check(b *Batch) error {
	if b.Seq == 0 || b.Agent == "" || len(b.Agent) > MaxAgent {
		return fmt.Errorf("frame: a batch needs a sequence number and an agent id of at most %d bytes", MaxAgent)
	}
	var last metric.Kind
	for i := range b.Tables {
		t := &b.Tables[i]
		if t.Kind <= last || t.Kind > metric.MaxKind {
			return fmt.Errorf("frame: table %d is of kind %d: kinds must be known and rising", i, t.Kind)
		}
		if len(t.Vals) != len(t.Rows)*t.Width() {
			return fmt.Errorf("frame: table %s has %d values for %d rows of %d columns",
				t.Kind, len(t.Vals), len(t.Rows), t.Width())
		}
		if n := len(t.Histograms); n > 0 && (t.Kind != metric.App || n != len(t.Rows)) {
			return fmt.Errorf("frame: table %s has %d histograms for %d rows: only %s has any, one a row",
				t.Kind, n, len(t.Rows), metric.App)
		}
		if n := len(t.Sets); n > 0 && (t.Kind != metric.App || n != len(t.Rows)) {
			return fmt.Errorf("frame: table %s has %d sets for %d rows: only %s has any, one a row",
				t.Kind, n, len(t.Rows), metric.App)
		}
		last = t.Kind
	}
	return nil
}

// keyDue aligns the rows of b with those of the keyframe, and reports whether b has to be a
// keyframe itself.
func (e *Encoder) keyDue(b *Batch) bool {
	if b.Agent != e.agent || b.Boot != e.boot || b.Seq <= e.key || b.Seq-e.key >= uint64(e.opt.KeyEvery) {
		return true
	}
	added := 0
	for i := range b.Tables {
		t := &b.Tables[i]
		te := &e.tables[t.Kind]
		te.align(t, e.key, e.split)
		if t.Kind != metric.Event { // an event is in one tick only
			added += te.added
		}
	}
	return added > 8+e.keyRows/10
}

// encodeKey encodes a keyframe, in as many parts as the limits require.
func (e *Encoder) encodeKey(b *Batch) error {
	rows, values := 0, 0
	for i := range b.Tables {
		rows += len(b.Tables[i].Rows)
		values += len(b.Tables[i].Vals)
	}
	n := 1 + max(values/MaxValues, rows/MaxRows)
	if e.keyRows > 0 { // expect as many bytes per row as in the last keyframe
		n = max(n, 1+int(float64(e.keyBytes)/float64(e.keyRows)*float64(rows)/(0.9*float64(e.opt.MaxPayload))))
	}
	for {
		b.Key = b.Seq
		for i := range b.Tables {
			t := &b.Tables[i]
			e.tables[t.Kind].startKey(t, n)
		}
		size, ok := e.encodeParts(b, n)
		if ok {
			e.commit(b, n, size, rows)
			return nil
		}
		if n >= MaxParts || n > rows {
			return ErrTooBig
		}
		n = min(MaxParts, max(n+1, 1+int(float64(size)/(0.9*float64(e.opt.MaxPayload)))))
	}
}

// commit stores the keyframe, to which later deltas refer.
func (e *Encoder) commit(b *Batch, n, size, rows int) {
	for k := range e.tables {
		e.tables[k].inKey = false
	}
	for i := range b.Tables {
		t := &b.Tables[i]
		e.tables[t.Kind].keep(t)
	}
	if t := b.Table(metric.App); t != nil {
		e.hists.key.SetHistograms(t.Histograms)
		e.sets.key.SetSets(t.Sets)
	} else {
		e.hists.key.SetHistograms(nil)
		e.sets.key.SetSets(nil)
	}
	e.agent, e.boot, e.key = b.Agent, b.Boot, b.Seq
	e.split, e.keyBytes, e.keyRows = n, size, rows
}

// encodeParts encodes b as n parts. It returns their total size in bytes, and whether each
// part is within the limits.
func (e *Encoder) encodeParts(b *Batch, n int) (size int, ok bool) {
	for e.parts = e.parts[:cap(e.parts)]; len(e.parts) < n; {
		e.parts = append(e.parts, nil)
	}
	e.parts = e.parts[:n]
	b.Parts = uint16(n)
	ok = true
	for p := range n {
		b.Part = uint16(p)
		b.Events = b.Table(metric.Event) != nil && len(e.tables[metric.Event].rows[p]) > 0
		fits := e.encodeBody(b, p)
		codec := e.codec(e.body)
		part := appendHeader(e.parts[p][:0], &b.Header, codec, len(e.body))
		part = e.compress(part, e.body, codec)
		seal(part)
		e.parts[p] = part
		size += len(part)
		ok = ok && fits && len(part) <= e.opt.MaxPayload
	}
	b.Part, b.Events = 0, b.Table(metric.Event) != nil
	return size, ok
}

// encodeBody encodes part p into e.body, and reports whether it is within the limits.
func (e *Encoder) encodeBody(b *Batch, p int) bool {
	e.body = e.body[:0]
	rows, values, labels, strs := 0, 0, 0, 0
	for i := range b.Tables {
		t := &b.Tables[i]
		te := &e.tables[t.Kind]
		if len(te.rows[p]) == 0 && p > 0 {
			continue
		}
		rs := te.rowSet(t, p, &e.dict)
		e.appendTable(t, te, rs, p)
		rows += len(te.rows[p])
		values += len(te.rows[p]) * t.Width()
		labels += rs.labels
		strs += rs.strings
	}
	histograms, sets := 0, 0
	if t, te := b.Table(metric.App), &e.tables[metric.App]; t != nil && (p == 0 || len(te.rows[p]) > 0) {
		e.body, histograms = e.hists.append(e.body, t, te, p)
		e.body, sets = e.sets.append(e.body, t, te, p)
	}
	return len(e.body) <= MaxBody && histograms <= MaxHistograms && sets <= MaxSets &&
		rows <= MaxRows && values <= MaxValues && labels <= MaxAllLabels && strs <= MaxStrings
}
