package entry

// Kind says what an Event is about.
type Kind string

// Kinds of events. The first group means that entries are missing here.
const (
	Suppressed   Kind = "suppressed"    // journald's rate limit dropped entries before they were written
	Vacuumed     Kind = "vacuumed"      // the entries after the cursor were deleted before they were read
	Gap          Kind = "gap"           // sequence numbers are missing
	SlowReader   Kind = "slow_reader"   // this reader was too slow and was cut off
	NodeAway     Kind = "node_away"     // a node that the query asks is not connected
	Unreadable   Kind = "unreadable"    // a file is corrupt, newer than known, or may not be read
	Truncated    Kind = "truncated"     // a log file was truncated or rotated away before it was read
	PartialLost  Kind = "partial_lost"  // pieces of a long line are missing, or too many to be joined
	Dropped      Kind = "dropped"       // a log pipe dropped lines that journald did not take in time, or was killed
	JournaldDied Kind = "journald_died" // journald ended without a stop: what it had taken and not written is missing
	ShipperDrops Kind = "shipper_drops" // a filter or a full buffer of shipping dropped entries

	JournaldAway Kind = "journald_away" // journald was away for a while: a log pipe's lines waited, or come twice
	NodeBack     Kind = "node_back"     // a node that was away answers again; nothing is missing if no event says so
	Ended        Kind = "ended"         // the container that is followed has ended, and all its entries were read
	Waiting      Kind = "waiting"       // nothing matches yet: the query follows what does not exist so far
)

// Event says what happened between two entries of a stream.
type Event struct {
	Kind    Kind
	Time    int64  // when it was noticed or happened, microseconds since 1970
	Agent   string // agent id; "" if it concerns no single node
	Source  string // the file, unit or container that it concerns; "" if none
	Count   uint64 // entries that are missing; 0 if that is unknown
	Message string // a whole sentence for people
}

// Record is what a stream of entries consists of: an entry, or an event; the other is nil.
// Both nil is a sign of life, which carries nothing.
type Record struct {
	Entry *Entry
	Event *Event
}
