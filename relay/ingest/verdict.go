package ingest

import "sync/atomic"

// Verdict is what became of a frame.
type Verdict uint8

const (
	Stored    Verdict = iota
	Duplicate         // it was there already
	Orphan            // its keyframe never came: nothing can be made of it

	// The rest are rejects: such a frame is acknowledged and dropped.
	Malformed    // no frame, or a damaged one
	BadChecksum  // damaged on its way
	Version      // of a later version than this relay
	WrongSubject // not published where frames go
	WrongAgent   // published as another agent than it says it is of
	BadHeader    // with a header that cannot be true
	TooManyAgents

	verdicts
)

var verdictNames = [verdicts]string{
	"stored", "duplicate", "orphan",
	"malformed", "checksum", "version", "subject", "agent", "header", "too_many_agents",
}

func (v Verdict) String() string {
	if v < verdicts {
		return verdictNames[v]
	}
	return "unknown"
}

// Rejects lists the verdicts that are rejects.
func Rejects() []Verdict {
	var out []Verdict
	for v := Malformed; v < verdicts; v++ {
		out = append(out, v)
	}
	return out
}

// counts is one counter a verdict.
type counts [verdicts]atomic.Uint64

// Stats is what was taken in since the start.
type Stats struct {
	Bytes     uint64
	Frames    map[Verdict]uint64
	Attached  uint64 // times that the consumer was (re)joined
	Pending   uint64 // frames on the stream that are still to come
	Delay     int64  // nanoseconds from the stream to here, of the newest frame
	Connected bool
}

// Total is all frames, whatever became of them.
func (s *Stats) Total() (n uint64) {
	for _, c := range s.Frames {
		n += c
	}
	return n
}
