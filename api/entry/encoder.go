package entry

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

// Kinds of records.
const (
	kindEntry = 1
	kindEvent = 2
)

// Encoder collects records and writes them as batches. Its zero value is ready. It
// allocates nothing once its buffers have grown.
type Encoder struct {
	records []byte
	count   int

	names     map[string]int // field names of the batch, by number
	last      []span         // by name: the last value, in records
	origins   map[Origin]int
	origin    Origin // the last one, which has the number originAt
	originAt  int
	realtime  int64
	monotonic int64
	boot      [16]byte
	cursor    []byte

	body, message []byte
	zstd          *zstd.Encoder
}

type span struct{ from, to int }

// Count returns how many records the batch has.
func (e *Encoder) Count() int { return e.count }

// Size returns the bytes of the batch before compression.
func (e *Encoder) Size() int { return len(e.records) }

// Reset begins a new batch.
func (e *Encoder) Reset() {
	e.records, e.count = e.records[:0], 0
	clear(e.names)
	clear(e.origins)
	e.last = e.last[:0]
	e.realtime, e.monotonic, e.boot, e.cursor = 0, 0, [16]byte{}, e.cursor[:0]
}

// Add appends an entry. It returns ErrTooLarge, and leaves the batch as it was, for an
// entry that exceeds a limit or that the batch has no room for.
func (e *Encoder) Add(x *Entry) error {
	size := len(x.Cursor) + 128
	for i := range x.Fields {
		if len(x.Fields[i].Name) > MaxName {
			return ErrTooLarge
		}
		size += len(x.Fields[i].Name) + len(x.Fields[i].Value) + 20
	}
	for _, tag := range x.Origin {
		if len(tag) > MaxTag {
			return ErrTooLarge
		}
		size += len(tag) + 10
	}
	full := len(e.records)+size > MaxBatch || e.count >= MaxRecords
	if full || len(x.Cursor) > MaxCursor || len(x.Fields) > MaxFields {
		return ErrTooLarge
	}
	b := append(e.records, kindEntry)
	b = binary.AppendVarint(b, x.Realtime-e.realtime)
	b = binary.AppendVarint(b, x.Monotonic-e.monotonic)
	e.realtime, e.monotonic = x.Realtime, x.Monotonic
	if x.Boot == e.boot {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), x.Boot[:]...)
		e.boot = x.Boot
	}
	b = e.appendOrigin(b, &x.Origin)
	same := shared(e.cursor, x.Cursor)
	b = binary.AppendUvarint(b, uint64(same))
	b = appendText(b, x.Cursor[same:])
	e.cursor = append(e.cursor[:same], x.Cursor[same:]...)
	b = binary.AppendUvarint(b, uint64(len(x.Fields)))
	for i := range x.Fields {
		b = e.appendField(b, &x.Fields[i])
	}
	e.records = b
	e.count++
	return nil
}

// appendOrigin appends the number of an origin, and the origin itself the first time.
func (e *Encoder) appendOrigin(b []byte, o *Origin) []byte {
	if len(e.origins) > 0 && *o == e.origin {
		return binary.AppendUvarint(b, uint64(e.originAt))
	}
	e.origin = *o
	if n, ok := e.origins[*o]; ok {
		e.originAt = n
		return binary.AppendUvarint(b, uint64(n))
	}
	e.originAt = len(e.origins)
	if e.origins == nil {
		e.origins = map[Origin]int{}
	}
	b = binary.AppendUvarint(b, uint64(e.originAt))
	e.origins[*o] = e.originAt
	for _, tag := range o {
		b = appendText(b, tag)
	}
	return b
}

// appendField appends a field: the number of its name, and the name itself the first
// time; then 0 if the value is the last one of that name, or else its length plus one and
// the value.
func (e *Encoder) appendField(b []byte, f *Field) []byte {
	n, ok := e.names[f.Name]
	if !ok {
		if e.names == nil {
			e.names = map[string]int{}
		}
		n = len(e.last)
		e.names[f.Name] = n
		e.last = append(e.last, span{-1, -1})
	}
	b = binary.AppendUvarint(b, uint64(n))
	if !ok {
		b = appendText(b, f.Name)
	}
	if s := e.last[n]; s.from >= 0 && string(b[s.from:s.to]) == string(f.Value) {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(f.Value))+1)
	e.last[n] = span{len(b), len(b) + len(f.Value)}
	return append(b, f.Value...)
}

// AddEvent appends an event. Texts that are too long are cut.
func (e *Encoder) AddEvent(x *Event) error {
	if len(e.records)+4*MaxTag+128 > MaxBatch || e.count >= MaxRecords {
		return ErrTooLarge
	}
	b := append(e.records, kindEvent)
	b = binary.AppendVarint(b, x.Time)
	b = binary.AppendUvarint(b, x.Count)
	for _, s := range [...]string{string(x.Kind), x.Agent, x.Source, x.Message} {
		b = appendText(b, s[:min(len(s), MaxTag)])
	}
	e.records = b
	e.count++
	return nil
}

// Finish calls emit with the messages of the batch, each of at most maxMessage bytes (0
// is no bound), and begins a new batch. A message is valid during the call. h says whose
// batch it is: the rest of it is filled in. It returns the first error of emit.
func (e *Encoder) Finish(h Header, maxMessage int, emit func(message []byte) error) error {
	defer e.Reset()
	h.Count, h.size, h.codec = e.count, len(e.records), codecFor(len(e.records))
	if len(h.Agent) > MaxAgent {
		return ErrTooLarge
	}
	e.body = e.compress(e.body[:0], e.records, h.codec)
	most := len(e.body)
	if maxMessage > 0 {
		most = max(maxMessage-len(h.Agent)-80, 64) // the header's numbers have at most 10 bytes each
	}
	h.Parts = max((len(e.body)+most-1)/max(most, 1), 1)
	if h.Parts > MaxParts {
		return ErrTooLarge
	}
	for h.Part = 0; h.Part < h.Parts; h.Part++ {
		part := e.body[h.Part*most : min((h.Part+1)*most, len(e.body))]
		e.message = append(h.append(e.message[:0]), part...)
		e.message = binary.LittleEndian.AppendUint32(e.message, crc32.Checksum(e.message, castagnoli))
		if err := emit(e.message); err != nil {
			return err
		}
	}
	return nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// shared returns how many bytes two texts have in common at their beginning.
func shared(a []byte, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
