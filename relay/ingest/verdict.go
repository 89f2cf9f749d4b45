package ingest

import "sync/atomic"

// Verdict is the result of handling a message.
type Verdict uint8

const (
	Stored    Verdict = iota
	Duplicate         // received before
	Orphan            // a delta whose keyframe was never received: it cannot be decoded

	// The following verdicts are rejects: the message is acknowledged and dropped.
	Malformed     // not a frame, or a damaged one
	BadChecksum   // the checksum does not match the content
	Version       // of a frame format that is newer than this program
	WrongSubject  // published on a subject that is not for frames
	WrongAgent    // published on the subject of another agent than its header names
	BadHeader     // its header has impossible values
	TooManyAgents // from a new agent, when the store has as many as it accepts
	Panicked      // the handler panicked

	verdicts // the number of final verdicts

	// NotYet means that the handler cannot process the message now. It is called with
	// the same message again, after a delay that grows, and with no later one before.
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
	NotYet         uint64 // times that the handler returned NotYet
	Attached       uint64 // times that a session attached to the consumer
	Unacknowledged int64  // messages received and not acknowledged yet
	Pending        uint64 // messages of the stream that were not delivered yet
	Delay          int64  // nanoseconds between storage in the stream and receipt, of the newest message
	Connected      bool   // messages can be received
}

// Total returns the number of messages that have a final verdict.
func (s *Stats) Total() (n uint64) {
	for _, c := range s.Frames {
		n += c
	}
	return n
}
