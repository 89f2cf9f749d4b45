package shipping

import (
	"fmt"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

const (
	maxEntry  = 16 << 20 // bytes of an entry; larger ones are cut
	keepBytes = 2 << 20  // buffers of a batch that was larger are given back
)

// CutField is the name of the field that an entry gets whose values were cut: its value
// is the size in bytes that all values had.
const CutField = "DAYTWO_CUT"

// batch collects the records of one batch.
type batch struct {
	enc    *entry.Encoder
	n      int       // records
	oldest int64     // when the first of them was written, microseconds since 1970
	since  time.Time // when it was added
	cut    entry.Entry

	entries, bytes int // when the batch is full
}

func newBatch(o *Options) *batch {
	return &batch{enc: new(entry.Encoder), entries: o.BatchEntries, bytes: o.BatchBytes}
}

func (b *batch) full() bool { return b.n >= b.entries || b.enc.Size() >= b.bytes }

// add appends an entry, cut to most bytes, and reports whether it had to be cut.
func (b *batch) add(e *entry.Entry, most int) (cut bool, err error) {
	size := 0
	for i := range e.Fields {
		size += len(e.Fields[i].Value)
	}
	if size > most || len(e.Fields) > entry.MaxFields {
		e, cut = b.cutTo(e, most, size), true
	}
	if err := b.enc.Add(e); err != nil {
		return cut, err
	}
	b.added(e.Realtime)
	return cut, nil
}

func (b *batch) addEvent(e *entry.Event) error {
	err := b.enc.AddEvent(e)
	if err == nil {
		b.added(e.Time)
	}
	return err
}

func (b *batch) added(realtime int64) {
	if b.n == 0 {
		b.oldest, b.since = realtime, time.Now()
	}
	b.n++
}

// cutTo returns an entry whose values have at most so many bytes: the longest ones are
// cut, all to the same length, and a field says how large they were. It lives until the
// next call.
func (b *batch) cutTo(e *entry.Entry, most, size int) *entry.Entry {
	fields := append(b.cut.Fields[:0], e.Fields[:min(len(e.Fields), entry.MaxFields-1)]...)
	lengths := make([]int, len(fields))
	for i := range fields {
		lengths[i] = len(fields[i].Value)
	}
	slices.Sort(lengths)
	each := 0 // what a value may have: short ones leave their share to the others
	for i, n := range lengths {
		if each = max(0, most) / (len(lengths) - i); n > each {
			break
		}
		most -= n
	}
	for i := range fields {
		fields[i].Value = fields[i].Value[:min(len(fields[i].Value), each)]
	}
	b.cut = *e
	b.cut.Fields = append(fields, entry.Field{Name: CutField, Value: fmt.Append(nil, size)})
	return &b.cut
}

// finish calls emit with the messages of the batch, each of at most so many bytes, and
// begins a new one.
func (b *batch) finish(h entry.Header, most int, emit func(message []byte)) error {
	large := b.enc.Size() > keepBytes
	err := b.enc.Finish(h, most, func(message []byte) error {
		emit(message)
		return nil
	})
	b.n = 0
	if large {
		b.enc, b.cut = new(entry.Encoder), entry.Entry{}
	}
	return err
}

// reset drops what was collected.
func (b *batch) reset() {
	b.enc.Reset()
	b.n = 0
}
