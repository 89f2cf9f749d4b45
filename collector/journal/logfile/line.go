package logfile

// MaxLine bounds a line that is joined from pieces, in bytes. Of a longer one the parts
// are shown, each marked as Cut but for the last, and a CutError says so.
const MaxLine = 16 << 20

// Line is a line of a log.
type Line struct {
	// Time is when the runtime read the line's last piece, in nanoseconds since 1970.
	Time   int64
	Stream Stream
	Text   []byte // without the newline
	// Attrs are labels and variables of the container that Docker was told to log, as a
	// JSON object; nil if there are none.
	Attrs   []byte
	Attempt int // N of N.log; 0 elsewhere
	// Open is set if the line has no end: the container ended in the middle of it, or
	// what followed is lost.
	Open bool
	// Cut is set if the line goes on in the next one of the stream: see MaxLine.
	Cut bool
}

// place is where a line ends in a log: after a record or, if sub is not 0, before the
// record that showed that the line had ended.
type place struct {
	f   *file
	end int64 // offset in f
	sub int   // counts lines that ended at the same offset without a record of their own
	// from says where the lines of each stream begin that are open at the place, if
	// exact is set; else that is not known.
	from  [streams]mark
	exact bool
}

// mark is a record's place.
type mark struct {
	f     *file // nil: none
	start int64
}

// before reports whether p comes before q, where both are in the same file.
func (p *place) before(q *place) bool { return p.end < q.end || p.end == q.end && p.sub < q.sub }
