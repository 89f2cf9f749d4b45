package entry

import "errors"

// Limits of a batch. An encoder refuses what exceeds them, and a decoder takes it for
// corrupt before it allocates anything.
const (
	MaxBatch   = 64 << 20 // bytes of records before compression, and so of one entry
	MaxRecords = 1 << 20  // records
	MaxFields  = 16 << 10 // fields of an entry
	MaxName    = 256      // bytes of a field's name; journald's own limit is 64
	MaxCursor  = 64 << 10 // bytes
	MaxTag     = 64 << 10 // bytes of an origin tag, and of a text of an event
	MaxAgent   = 255      // bytes of an agent id
	MaxParts   = 4096     // messages of a batch
)

// Errors of encoding and decoding.
var (
	// ErrTooLarge says that an entry exceeds a limit, or that a batch has no room for it.
	ErrTooLarge = errors.New("the log entry is too large for a batch")
	// ErrCorrupt says that a message is not a batch of entries, or was damaged.
	ErrCorrupt = errors.New("corrupt batch of log entries")
	// ErrNewer says that a message has a version that is not known here.
	ErrNewer = errors.New("batch of log entries of a newer version")
)
