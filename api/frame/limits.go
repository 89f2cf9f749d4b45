package frame

import "errors"

// Limits of one frame (one part of a tick). A decoder checks them before it allocates; the
// encoder splits a tick into parts that are within them.
const (
	MaxBody      = 16 << 20 // bytes of a body before compression
	MaxRows      = 1 << 18  // rows of all tables
	MaxValues    = 4 << 20  // values of all tables, once decoded
	MaxWidth     = 4096     // columns of a table on the wire
	MaxLabels    = 256      // labels of a row
	MaxAllLabels = 1 << 20  // labels of all rows that a frame defines
	MaxStrings   = 1 << 20  // distinct strings of all rows that a frame defines
	MaxString    = 64 << 10 // bytes of a key, a label's name or value
	MaxAgent     = 256      // bytes of an agent id
	MaxParts     = 4096     // parts of a tick

	MaxHistograms = 64 << 20 // bytes of the histograms that a frame defines, in memory (sketch.Histogram.Size)
	MaxSets       = 64 << 20 // bytes of the sets that a frame defines, in memory (sketch.Set.Size)
)

var (
	// ErrCorrupt is wrapped by every error for data that is not a frame, or is a frame
	// that is damaged or exceeds a limit.
	ErrCorrupt = errors.New("frame: corrupt")
	// ErrVersion is the error for a frame of a version that this code cannot read.
	ErrVersion = errors.New("frame: written by a newer version of daytwo: upgrade this reader")
	// ErrNoKey is the error for a delta without the keyframe it is against.
	ErrNoKey = errors.New("frame: the keyframe of this delta is missing")
	// ErrTooBig is the error for a tick with a row that exceeds the payload limit in a part
	// of its own.
	ErrTooBig = errors.New("frame: one row exceeds the payload limit: raise max_payload of the NATS server")
)
