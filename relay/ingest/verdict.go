package ingest

import "sync/atomic"

// Verdict is what became of a message.
type Verdict uint8

const (
	Stored    Verdict = iota
	Duplicate         // it was here already
	Orphan            // its keyframe never came: it cannot be decoded

	// The rest are rejects: such a message is acknowledged and dropped.
	Malformed    // not a frame, or a damaged one
	BadChecksum  // damaged on its way
	Version      // of a later version than this program
	WrongSubject // published on a subject that is not for frames
	WrongAgent   // published by another agent than its header says
	BadHeader    // with impossible values in its header
	TooManyAgents
	Panicked // the handler panicked

	verdicts

	// NotYet is no final verdict: the handler cannot take the message now. It is
	// given the same message again after a delay that grows, and none of the later
	// ones before it.
	NotYet
)

var verdictNames = [verdicts]string{
	"stored", "duplicate", "orphan",
	"malformed", "checksum", "version", "subject", "agent", "header", "too_many_agents", "panic",
}

func (v Verdict) String() string {
	switch {
	case v < verdicts:
		return verdictNames[v]
	case v == NotYet:
		return "not_yet"
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

// counts is one counter per final verdict.
type counts [verdicts]atomic.Uint64

// Stats counts since the start.
type Stats struct {
	Bytes          uint64
	Frames         map[Verdict]uint64
	NotYet         uint64 // times that the handler could not take a message
	Attached       uint64 // times that the consumer was attached to
	Unacknowledged int64  // messages here that are not acknowledged
	Pending        uint64 // messages of the stream that are still to come
	Delay          int64  // nanoseconds from the stream to here, of the newest message
	Connected      bool
}

// Total is all messages, whatever became of them.
func (s *Stats) Total() (n uint64) {
	for _, c := range s.Frames {
		n += c
	}
	return n
}
