package entry

import (
	"unsafe"

	"github.com/klauspost/compress/zstd"
)

// maxInterned bounds the texts that a decoder remembers from batch to batch, in bytes.
const maxInterned = 4 << 20

// Decoder reads batches. Its zero value is ready. It allocates nothing for names and
// origins that it has met before, once its buffers have grown.
type Decoder struct {
	records []byte // of the batch
	parts   []byte // of a batch whose last part has not come yet
	begun   Header // of the part before

	in        input
	left      int // records
	names     []string
	last      [][]byte // by name
	origins   []Origin
	realtime  int64
	monotonic int64
	boot      [16]byte
	cursor    []byte

	entry    Entry
	event    Event
	interned map[string]string
	remember int // bytes of interned
	zstd     *zstd.Decoder
}

// Decode begins to read a message. complete is false if it is a part of a batch whose
// other parts have to come: they have to be decoded in their order. After an error the
// decoder can be used for the next batch.
func (d *Decoder) Decode(message []byte) (h Header, complete bool, err error) {
	d.left = 0
	h, body, err := parseHeader(message)
	if err != nil {
		d.parts = d.parts[:0]
		d.begun = Header{}
		return h, false, err
	}
	if h.Parts > 1 {
		before := d.begun
		d.begun = h
		if h.Part == 0 {
			d.parts = d.parts[:0]
		} else if before.Part++; before != h {
			d.parts, d.begun = d.parts[:0], Header{}
			return h, false, ErrCorrupt // a part is missing, or of another batch
		}
		if len(d.parts)+len(body) > MaxBatch+MaxBatch/8 {
			d.parts, d.begun = d.parts[:0], Header{}
			return h, false, ErrCorrupt
		}
		d.parts = append(d.parts, body...)
		if h.Part < h.Parts-1 {
			return h, false, nil
		}
		body = d.parts
		d.begun = Header{}
	}
	if d.records, err = d.uncompress(body, &h); err != nil {
		return h, false, err
	}
	d.in, d.left = input{b: d.records}, h.Count
	d.names, d.last, d.origins = d.names[:0], d.last[:0], d.origins[:0]
	d.realtime, d.monotonic, d.boot, d.cursor = 0, 0, [16]byte{}, d.cursor[:0]
	return h, true, nil
}

// Next returns the next record of the batch, which is valid until the next call, and
// whether there is one.
func (d *Decoder) Next() (rec Record, ok bool, err error) {
	if d.left == 0 {
		if len(d.in.b) > 0 {
			d.in.b = nil
			return Record{}, false, ErrCorrupt
		}
		return Record{}, false, nil
	}
	d.left--
	switch kind := d.in.take(1); {
	case len(kind) == 1 && kind[0] == kindEntry:
		rec.Entry = d.nextEntry()
	case len(kind) == 1 && kind[0] == kindEvent:
		rec.Event = d.nextEvent()
	default:
		d.in.fail()
	}
	if d.in.bad {
		d.left = 0
		return Record{}, false, ErrCorrupt
	}
	return rec, true, nil
}

func (d *Decoder) nextEntry() *Entry {
	e, in := &d.entry, &d.in
	d.realtime += in.varint()
	d.monotonic += in.varint()
	if in.count(1) == 1 {
		copy(d.boot[:], in.take(16))
	}
	e.Realtime, e.Monotonic, e.Boot = d.realtime, d.monotonic, d.boot
	n := in.count(len(d.origins))
	if n == len(d.origins) {
		var o Origin
		for i := range o {
			o[i] = d.intern(in.bytes(MaxTag))
		}
		d.origins = append(d.origins, o)
	}
	if in.bad {
		return e
	}
	e.Origin = d.origins[n]
	same := in.count(len(d.cursor))
	rest := in.bytes(MaxCursor)
	if same+len(rest) > MaxCursor {
		in.fail()
		return e
	}
	d.cursor = append(d.cursor[:same], rest...)
	e.Cursor = unsafe.String(unsafe.SliceData(d.cursor), len(d.cursor)) // valid until the next record
	e.Fields = e.Fields[:0]
	for range in.count(MaxFields) {
		f := d.nextField()
		if in.bad {
			break
		}
		e.Fields = append(e.Fields, f)
	}
	return e
}

func (d *Decoder) nextField() (f Field) {
	in := &d.in
	n := in.count(len(d.names))
	known := n < len(d.names)
	if !known && !in.bad {
		d.names = append(d.names, d.intern(in.bytes(MaxName)))
		d.last = append(d.last, nil)
	}
	size := in.count(MaxBatch + 1)
	switch {
	case in.bad || size == 0 && !known: // a new name has no last value
		in.fail()
		return f
	case size > 0:
		d.last[n] = in.take(size - 1)
	}
	return Field{d.names[n], d.last[n]}
}

func (d *Decoder) nextEvent() *Event {
	e, in := &d.event, &d.in
	e.Time, e.Count = in.varint(), in.uvarint()
	e.Kind = Kind(d.intern(in.bytes(MaxTag)))
	e.Agent = d.intern(in.bytes(MaxTag))
	e.Source = string(in.bytes(MaxTag))
	e.Message = string(in.bytes(MaxTag))
	return e
}

// intern returns a text that is the same string each time.
func (d *Decoder) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := d.interned[string(b)]; ok {
		return s
	}
	if d.remember += len(b) + 64; d.interned == nil || d.remember > maxInterned {
		d.interned, d.remember = map[string]string{}, len(b)+64
	}
	s := string(b)
	d.interned[s] = s
	return s
}
