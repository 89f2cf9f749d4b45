package journal

import "fmt"

// corrupt is what is wrong with the object at an offset.
func corrupt(at uint64, format string, args ...any) error {
	return fmt.Errorf("%w: at offset %#x: %s", ErrCorrupt, at, fmt.Sprintf(format, args...))
}

// least is the smallest size of each type of object.
var least = [...]uint64{
	objectData: dataPayload, objectField: fieldPayload, objectEntry: entryItems,
	objectDataTable: hashItems, objectFieldTable: hashItems, objectEntryArray: arrayItems, objectTag: 64,
}

// object checks the object at an offset, which has to be of a type, and returns
// its size in bytes.
func (f *File) object(at uint64, typ byte) (size uint64, err error) {
	if at < f.headerSize || at%8 != 0 || at > uint64(len(f.data))-objectHeader {
		return 0, corrupt(at, "no object can be there")
	}
	f.need(at, objectHeader)
	if t := f.data[at+objectTypeAt]; t != typ {
		return 0, corrupt(at, "an object of type %d, where one of type %d belongs", t, typ)
	}
	size = f.u64(at + objectSizeAt)
	if size < least[typ] || size > uint64(len(f.data))-at {
		return 0, corrupt(at, "an object of type %d and %d bytes", typ, size)
	}
	f.need(at, size)
	return size, nil
}

// payloadAt is where the payload of a data object begins.
func (f *File) payloadAt() uint64 {
	if f.compact {
		return dataPayloadCompact
	}
	return dataPayload
}

// maxFields bounds the fields of an entry; journald takes 1024.
const maxFields = 1 << 16

// entry is the head of an entry.
type entry struct {
	at        uint64 // its offset
	size      uint64 // of the object
	seqnum    uint64
	realtime  uint64 // microseconds since 1970
	monotonic uint64 // microseconds since the boot
	xorHash   uint64
	boot      ID
	seqnumID  ID // of the file
}

// entry reads the head of the entry at an offset.
func (f *File) entry(at uint64, e *entry) error {
	size, err := f.object(at, objectEntry)
	if err != nil {
		return err
	}
	b := f.data[at : at+entryItems]
	e.at, e.size, e.seqnumID = at, size, f.seqnumID()
	e.seqnum = le.Uint64(b[entrySeqnumAt:])
	e.realtime = le.Uint64(b[entryRealtimeAt:])
	e.monotonic = le.Uint64(b[entryMonotonicAt:])
	e.boot = ID(b[entryBootIDAt:])
	e.xorHash = le.Uint64(b[entryXorHashAt:])
	if e.seqnum == 0 || e.realtime == 0 {
		return corrupt(at, "an entry without a sequence number or a time")
	}
	if f.items(e) > maxFields {
		return corrupt(at, "an entry of %d fields", f.items(e))
	}
	return nil
}

// items is how many fields an entry has.
func (f *File) items(e *entry) int {
	if f.compact {
		return int((e.size - entryItems) / entryItemCompact)
	}
	return int((e.size - entryItems) / entryItemSize)
}

// item is the offset of an entry's i-th data object.
func (f *File) item(e *entry, i int) uint64 {
	if f.compact {
		return uint64(f.u32(e.at + entryItems + uint64(i)*entryItemCompact))
	}
	return f.u64(e.at + entryItems + uint64(i)*entryItemSize)
}

// lists reports whether the items of an entry have a data object.
func (f *File) lists(items []byte, data uint64) bool {
	if f.compact {
		for ; len(items) >= entryItemCompact; items = items[entryItemCompact:] {
			if uint64(le.Uint32(items)) == data {
				return true
			}
		}
		return false
	}
	for ; len(items) >= entryItemSize; items = items[entryItemSize:] {
		if le.Uint64(items) == data {
			return true
		}
	}
	return false
}
