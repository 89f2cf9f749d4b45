package journal

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// fileFormat is a format of journal files that fileWriter writes. No program
// that is to be had makes all of them: systemd 252 compresses by zstd only.
type fileFormat struct {
	name       string
	flags      uint32
	headerSize int
	state      byte
}

var fileFormats = []fileFormat{
	{"oldest header", 0, 208, stateOffline},
	{"xz", flagXZ, 240, stateArchived},
	{"lz4", flagLZ4, 240, stateArchived},
	{"zstd", flagZSTD, 256, stateArchived},
	{"keyed zstd", flagZSTD | flagKeyedHash, 256, stateOffline},
	{"compact", flagCompact | flagKeyedHash | flagZSTD, 272, stateArchived},
	{"compact xz, online", flagCompact | flagXZ, 272, stateOnline},
	{"larger header than any", flagKeyedHash, 304, stateArchived},
}

// testEntry is an entry to be written: fields as NAME=value, in order.
type testEntry struct {
	seqnum, realtime, monotonic uint64
	boot                        ID
	fields                      []string
}

// fileWriter writes a journal file from its description, plainly.
type fileWriter struct {
	t        testing.TB
	f        fileFormat
	b        []byte
	seqnumID ID
	data     map[string]uint64
	lists    map[uint64][]uint64 // entries by data object
	fields   map[string]uint64
	entries  []testEntry
	offsets  []uint64
	objects  uint64
	chained  uint64 // arrays of entries
	hasher   File
}

const testBuckets = 37 // few, so that chains are long

func newFileWriter(t testing.TB, f fileFormat, seqnumID ID) *fileWriter {
	w := &fileWriter{t: t, f: f, seqnumID: seqnumID, b: make([]byte, f.headerSize),
		data: map[string]uint64{}, lists: map[uint64][]uint64{}, fields: map[string]uint64{}}
	copy(w.b, signature)
	le.PutUint32(w.b[headIncompatible:], f.flags)
	w.b[headState] = f.state
	fileID := ID{1, 2, 3, byte(f.flags), byte(f.headerSize)}
	copy(w.b[headFileID:], fileID[:])
	copy(w.b[headMachineID:], bytes.Repeat([]byte{0xaa}, 16))
	copy(w.b[headSeqnumID:], seqnumID[:])
	le.PutUint64(w.b[headSize:], uint64(f.headerSize))
	w.hasher = File{keyed: f.flags&flagKeyedHash != 0, sipKey0: le.Uint64(fileID[:]), sipKey1: le.Uint64(fileID[8:])}
	at := w.object(objectDataTable, 0, make([]byte, testBuckets*hashItemSize))
	le.PutUint64(w.b[headDataTable:], at+hashItems)
	le.PutUint64(w.b[headDataTableSize:], testBuckets*hashItemSize)
	at = w.object(objectFieldTable, 0, make([]byte, testBuckets*hashItemSize))
	le.PutUint64(w.b[headFieldTable:], at+hashItems)
	le.PutUint64(w.b[headFieldTableSize:], testBuckets*hashItemSize)
	return w
}

// object appends an object and returns its offset.
func (w *fileWriter) object(typ, flags byte, body []byte) uint64 {
	w.b = append(w.b, make([]byte, -len(w.b)&7)...)
	at := uint64(len(w.b))
	w.b = append(w.b, typ, flags, 0, 0, 0, 0, 0, 0)
	w.b = le.AppendUint64(w.b, uint64(objectHeader+len(body)))
	w.b = append(w.b, body...)
	w.objects++
	return at
}

// link appends an object to its bucket of a hash table.
func (w *fileWriter) link(table int, hash, at, nextAt uint64) {
	bucket := le.Uint64(w.b[table:]) + hash%testBuckets*hashItemSize
	if tail := le.Uint64(w.b[bucket+8:]); tail != 0 {
		le.PutUint64(w.b[tail+nextAt:], at)
	} else {
		le.PutUint64(w.b[bucket:], at)
	}
	le.PutUint64(w.b[bucket+8:], at)
}

func (w *fileWriter) compact() bool { return w.f.flags&flagCompact != 0 }

// field returns the data object of a field, which is written if it is new.
func (w *fileWriter) field(payload string) uint64 {
	if at, ok := w.data[payload]; ok {
		return at
	}
	hash := w.hasher.hash([]byte(payload))
	body := make([]byte, dataPayload-objectHeader)
	if w.compact() {
		body = make([]byte, dataPayloadCompact-objectHeader)
	}
	le.PutUint64(body[dataHashAt-objectHeader:], hash)
	packed, flag := w.compress([]byte(payload))
	at := w.object(objectData, flag, append(body, packed...))
	w.link(headDataTable, hash, at, dataNextHashAt)
	w.data[payload] = at

	name, _, _ := bytes.Cut([]byte(payload), []byte("="))
	nameAt, ok := w.fields[string(name)]
	if !ok {
		hash := w.hasher.hash(name)
		body := make([]byte, fieldPayload-objectHeader)
		le.PutUint64(body[fieldHashAt-objectHeader:], hash)
		nameAt = w.object(objectField, 0, append(body, name...))
		w.link(headFieldTable, hash, nameAt, fieldNextHashAt)
		w.fields[string(name)] = nameAt
	}
	le.PutUint64(w.b[at+dataNextFieldAt:], le.Uint64(w.b[nameAt+fieldHeadDataAt:]))
	le.PutUint64(w.b[nameAt+fieldHeadDataAt:], at)
	return at
}

var testZSTD, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))

// compress packs a payload of 80 bytes and more as the format has it.
func (w *fileWriter) compress(p []byte) ([]byte, byte) {
	if len(p) < 80 {
		return p, 0
	}
	var out bytes.Buffer
	switch {
	case w.f.flags&flagXZ != 0:
		z, err := xz.WriterConfig{CheckSum: xz.None, NoCheckSum: true}.NewWriter(&out)
		if err == nil {
			_, err = z.Write(p)
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return out.Bytes(), compressedXZ
	case w.f.flags&flagLZ4 != 0:
		dst := make([]byte, lz4.CompressBlockBound(len(p)))
		n, err := lz4.CompressBlock(p, dst, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 { // it does not get smaller
			return p, 0
		}
		return append(le.AppendUint64(nil, uint64(len(p))), dst[:n]...), compressedLZ4
	case w.f.flags&flagZSTD != 0:
		return testZSTD.EncodeAll(p, nil), compressedZSTD
	}
	return p, 0
}

// add writes an entry.
func (w *fileWriter) add(e testEntry) {
	body := make([]byte, entryItems-objectHeader)
	le.PutUint64(body[entrySeqnumAt-objectHeader:], e.seqnum)
	le.PutUint64(body[entryRealtimeAt-objectHeader:], e.realtime)
	le.PutUint64(body[entryMonotonicAt-objectHeader:], e.monotonic)
	copy(body[entryBootIDAt-objectHeader:], e.boot[:])
	var hash uint64
	var items []uint64
	for _, p := range e.fields {
		at := w.field(p)
		hash ^= jenkins([]byte(p))
		if !slices.Contains(items, at) {
			items = append(items, at)
		}
	}
	le.PutUint64(body[entryXorHashAt-objectHeader:], hash)
	slices.Sort(items)
	for _, at := range items {
		if w.compact() {
			body = le.AppendUint32(body, uint32(at))
		} else {
			body = le.AppendUint64(le.AppendUint64(body, at), le.Uint64(w.b[at+dataHashAt:]))
		}
	}
	at := w.object(objectEntry, 0, body)
	for _, item := range items {
		w.lists[item] = append(w.lists[item], at)
	}
	w.offsets = append(w.offsets, at)
	w.entries = append(w.entries, e)
}

// arrays writes a list of entries as a chain of arrays, and returns the first,
// the last and how many items of that are used.
func (w *fileWriter) arrays(entries []uint64) (head, tail uint64, used int) {
	for size := 4; len(entries) > 0; size *= 2 {
		n := min(size, len(entries))
		body := make([]byte, arrayItems-objectHeader)
		for i := range size {
			var at uint64
			if i < n {
				at = entries[i]
			}
			if w.compact() {
				body = le.AppendUint32(body, uint32(at))
			} else {
				body = le.AppendUint64(body, at)
			}
		}
		at := w.object(objectEntryArray, 0, body)
		w.chained++
		if head == 0 {
			head = at
		} else {
			le.PutUint64(w.b[tail+arrayNextAt:], at)
		}
		tail, used, entries = at, n, entries[n:]
	}
	return head, tail, used
}

// bytes finishes the file.
func (w *fileWriter) bytes() []byte {
	var all []uint64
	for at := range w.lists {
		all = append(all, at)
	}
	slices.Sort(all)
	for _, at := range all {
		entries := w.lists[at]
		le.PutUint64(w.b[at+dataEntryAt:], entries[0])
		le.PutUint64(w.b[at+dataEntriesAt:], uint64(len(entries)))
		if len(entries) > 1 {
			head, tail, used := w.arrays(entries[1:])
			le.PutUint64(w.b[at+dataEntryArrayAt:], head)
			if w.compact() {
				le.PutUint32(w.b[at+64:], uint32(tail))
				le.PutUint32(w.b[at+68:], uint32(used))
			}
		}
	}
	head, tail, used := w.arrays(w.offsets)
	le.PutUint64(w.b[headEntryArray:], head)
	if w.f.headerSize >= 264 {
		le.PutUint32(w.b[256:], uint32(tail))
		le.PutUint32(w.b[260:], uint32(used))
	}
	if w.f.headerSize >= 272 {
		le.PutUint64(w.b[264:], w.offsets[len(w.offsets)-1])
	}
	last := uint64(0)
	if tail > 0 {
		last = tail
	}
	first, end := w.entries[0], w.entries[len(w.entries)-1]
	for at, v := range map[int]uint64{
		headTailObject: last, headObjects: w.objects, headEntries: uint64(len(w.offsets)),
		headHeadSeqnum: first.seqnum, headTailSeqnum: end.seqnum, headHeadRealtime: first.realtime,
		headTailRealtime: end.realtime, headTailMonotonic: end.monotonic,
	} {
		binary.LittleEndian.PutUint64(w.b[at:], v)
	}
	copy(w.b[headTailBootID:], end.boot[:])
	if w.f.headerSize >= 224 {
		le.PutUint64(w.b[208:], uint64(len(w.data)))
		le.PutUint64(w.b[216:], uint64(len(w.fields)))
	}
	if w.f.headerSize >= 240 {
		le.PutUint64(w.b[232:], w.chained)
	}
	w.b = append(w.b, make([]byte, -len(w.b)&7)...)
	le.PutUint64(w.b[headArenaSize:], uint64(len(w.b)-w.f.headerSize))
	return w.b
}

func (w *fileWriter) save(path string) {
	if err := os.WriteFile(path, w.bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Offsets in the header that the reader has no use for.
const (
	headMachineID     = 40
	headTailBootID    = 56
	headHeadSeqnum    = 168
	headHeadRealtime  = 184
	headTailRealtime  = 192
	headTailMonotonic = 200

	fieldHashAt = 16
)
