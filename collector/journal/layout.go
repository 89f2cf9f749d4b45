package journal

import "encoding/binary"

// The layout of a journal file, from systemd's
// src/libsystemd/sd-journal/journal-def.h (systemd 257). All integers are
// little endian, all objects begin at multiples of eight bytes.

var le = binary.LittleEndian

const signature = "LPKSHHRH"

// Incompatible flags: a reader that does not know one must not read the file.
const (
	flagXZ uint32 = 1 << iota
	flagLZ4
	flagKeyedHash
	flagZSTD
	flagCompact
	flagsKnown = flagXZ | flagLZ4 | flagKeyedHash | flagZSTD | flagCompact
)

// States of a file.
const (
	stateOffline = iota
	stateOnline
	stateArchived
)

// Offsets in the header.
const (
	headIncompatible   = 12
	headState          = 16
	headFileID         = 24
	headSeqnumID       = 72
	headSize           = 88
	headArenaSize      = 96 // bytes after the header
	headDataTable      = 104
	headDataTableSize  = 112
	headFieldTable     = 120
	headFieldTableSize = 128
	headTailObject     = 136
	headTailSeqnum     = 160
	headObjects        = 144
	headEntries        = 152
	headEntryArray     = 176

	headMinimum = 208 // size of the oldest header there is
)

// Every object begins with its type, flags, six unused bytes and its size.
const (
	objectHeader  = 16
	objectTypeAt  = 0
	objectFlagsAt = 1
	objectSizeAt  = 8
)

// Types of objects.
const (
	objectData byte = iota + 1
	objectField
	objectEntry
	objectDataTable
	objectFieldTable
	objectEntryArray
	objectTag
)

// A data object holds a field of entries: FIELD=value. Data objects of one
// bucket of the hash table are chained, and so are those of one field.
const (
	dataHashAt         = 16
	dataNextHashAt     = 24
	dataNextFieldAt    = 32
	dataEntryAt        = 40 // the first entry that has it
	dataEntryArrayAt   = 48 // the others
	dataEntriesAt      = 56 // how many there are
	dataPayload        = 64
	dataPayloadCompact = 72
)

// Flags of data objects.
const (
	compressedXZ byte = 1 << iota
	compressedLZ4
	compressedZSTD
	compressedMask = compressedXZ | compressedLZ4 | compressedZSTD
)

const lz4PrefixSize = 8 // the uncompressed size stands before an LZ4 block

// A field object holds the name of a field.
const (
	fieldNextHashAt = 24
	fieldHeadDataAt = 32 // the newest data object of the field
	fieldPayload    = 40
)

// An entry object lists the data objects of an entry: each by its offset and
// hash or, in compact files, by its offset alone.
const (
	entrySeqnumAt    = 16
	entryRealtimeAt  = 24
	entryMonotonicAt = 32
	entryBootIDAt    = 40
	entryXorHashAt   = 56
	entryItems       = 64
	entryItemSize    = 16
	entryItemCompact = 4
)

// An entry array lists offsets of entries, and says where the next array is.
const (
	arrayNextAt      = 16
	arrayItems       = 24
	arrayItemSize    = 8
	arrayItemCompact = 4
)

// A hash table has the first and the last object of each bucket.
const (
	hashItems    = 16
	hashItemSize = 16
)
