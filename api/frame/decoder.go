package frame

import (
	"slices"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/klauspost/compress/zstd"
)

// Decoder decodes frames of any agent. It is not safe for concurrent use. A decoder that
// is used for one agent only shares the identities of unchanged rows between keyframes,
// and allocates nothing in steady state.
type Decoder struct {
	zstd  *zstd.Decoder
	body  []byte
	cache rowCache
	segs  []segment
	strs  []string
	curs  []cursor
	left  budget
	spare [metric.MaxKind + 1]Table // tables of dst while it is rebuilt

	empty     sketch.Histogram    // base of a histogram that the keyframe does not have
	noMembers sketch.Set          // base of a set that the keyframe does not have
	listed    []*sketch.Histogram // the histograms of the section, nil for those that are not wanted
	unwanted  sketch.Histogram    // scratch
	section   uint64              // the section of sketches that was decoded last
}

// NewDecoder returns a decoder. It need not be closed.
func NewDecoder() *Decoder {
	z, err := newZstdDecoder()
	if err != nil {
		panic(err) // the options are constants
	}
	return &Decoder{zstd: z}
}

// budget is how much of each limit a frame may still use.
type budget struct{ rows, values, labels, strings, histograms, sets int }

// Decode decodes a frame into dst, whose memory it reuses. For a delta, key is the decoded
// keyframe of the same agent, boot, part and Key; for a keyframe it is ignored. dst shares
// rows with key, so that key must not be decoded into again while dst is in use; key and
// dst must differ. After an error (ErrCorrupt, ErrVersion, ErrNoKey) dst has no tables.
func (d *Decoder) Decode(data []byte, key, dst *Batch) error {
	var keyHeader *Header
	if key != nil {
		keyHeader = &key.Header
	}
	body, err := d.open(data, keyHeader, &dst.Header)
	if err == nil {
		err = d.decodeTables(body, key, dst)
	}
	if err != nil {
		dst.Tables = dst.Tables[:0]
	}
	return err
}

// open verifies and decompresses a frame. It returns ErrNoKey if key is not the keyframe
// of a delta.
func (d *Decoder) open(data []byte, key, h *Header) ([]byte, error) {
	if err := Verify(data); err != nil {
		return nil, err
	}
	env, err := parseHeader(data, h)
	if err != nil {
		return nil, err
	}
	if !h.Keyframe() && (key == nil || !sameStream(key, h)) {
		return nil, ErrNoKey
	}
	return d.decompress(data[env.body:], env)
}

// sameStream reports whether key is the keyframe of delta.
func sameStream(key, delta *Header) bool {
	return key.Seq == delta.Key && key.Key == key.Seq && key.Boot == delta.Boot &&
		key.Part == delta.Part && key.Parts == delta.Parts && key.Agent == delta.Agent
}

func (d *Decoder) decodeTables(body []byte, key, dst *Batch) error {
	for i := range dst.Tables {
		d.spare[dst.Tables[i].Kind] = dst.Tables[i]
	}
	dst.Tables = dst.Tables[:0]
	defer clear(d.spare[:])
	d.left = budget{
		rows: MaxRows, values: MaxValues, labels: MaxAllLabels, strings: MaxStrings,
		histograms: MaxHistograms, sets: MaxSets,
	}
	d.section, d.listed = 0, d.listed[:0]
	r := reader{b: body}
	for r.left() > 0 {
		kind, payload := nextSection(&r)
		if r.bad {
			return corrupt("section is cut")
		}
		if kind > 127 {
			if err := d.tableSketches(kind, payload, dst.Table(metric.App)); err != nil {
				return err
			}
			continue
		}
		if kind == 0 || kind > uint64(metric.MaxKind) {
			continue // of a later version
		}
		k := metric.Kind(kind)
		if n := len(dst.Tables); n > 0 && dst.Tables[n-1].Kind >= k {
			return corrupt("kinds are not rising")
		}
		var keyTable *Table
		if key != nil && !dst.Keyframe() {
			keyTable = key.Table(k)
		}
		t := d.spare[k]
		t.Kind = k
		if err := d.decodeTable(payload, &dst.Header, keyTable, &t); err != nil {
			return err
		}
		t.Histograms, t.Sets = t.Histograms[:0], t.Sets[:0]
		t.own.reset()
		if keyTable != nil && len(keyTable.Histograms) > 0 {
			t.Histograms = share(t.Histograms, d.segs, len(t.Rows), keyTable.Histograms)
		}
		if keyTable != nil && len(keyTable.Sets) > 0 {
			t.Sets = share(t.Sets, d.segs, len(t.Rows), keyTable.Sets)
		}
		dst.Tables = append(dst.Tables, t)
	}
	return nil
}

// nextSection decodes the head of a section, and returns its kind and its bytes.
func nextSection(r *reader) (kind uint64, payload []byte) {
	kind = r.uvarint()
	n := r.uvarint()
	if n > uint64(r.left()) {
		r.bad = true
		return 0, nil
	}
	return kind, r.bytes(int(n))
}

// Merge joins all parts of a tick, which are sorted by Part, into dst, whose memory it
// reuses. dst must not be one of the parts.
func Merge(parts []*Batch, dst *Batch) {
	if len(parts) == 0 {
		dst.Tables = dst.Tables[:0]
		return
	}
	dst.Header = parts[0].Header
	dst.Part, dst.Parts = 0, 1
	old := dst.Tables
	dst.Tables = dst.Tables[:0]
	var spare [metric.MaxKind + 1]Table
	for i := range old {
		spare[old[i].Kind] = old[i]
	}
	for k := metric.Kind(1); k <= metric.MaxKind; k++ {
		t := spare[k]
		t.Kind, t.Rows, t.Vals, t.Histograms, t.Sets = k, t.Rows[:0], t.Vals[:0], t.Histograms[:0], t.Sets[:0]
		t.own.reset()
		found := false
		for _, p := range parts {
			if pt := p.Table(k); pt != nil {
				if found && t.Gen != pt.Gen {
					t.Gen = 0
				} else {
					t.Gen = pt.Gen
				}
				found = true
				if len(pt.Histograms) > 0 {
					t.Histograms = pad(t.Histograms, len(t.Rows))
					t.addHistograms(pt.Histograms)
				}
				if len(pt.Sets) > 0 {
					t.Sets = pad(t.Sets, len(t.Rows))
					t.addSets(pt.Sets)
				}
				t.Rows = append(t.Rows, pt.Rows...)
				t.Vals = append(t.Vals, pt.Vals...)
			}
		}
		if len(t.Histograms) > 0 {
			t.Histograms = pad(t.Histograms, len(t.Rows))
		}
		if len(t.Sets) > 0 {
			t.Sets = pad(t.Sets, len(t.Rows))
		}
		if found {
			dst.Tables = append(dst.Tables, t)
		}
	}
}

// resize returns s with length n, reusing its memory.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/8)
	}
	return slices.Grow(s[:0], n)[:n]
}
