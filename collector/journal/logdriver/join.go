package logdriver

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// Bounds of what is joined.
const (
	// TimeLimit is how long a piece waits for the next one. Then the line is shown as
	// far as it goes; what comes of it later is another entry. Docker and Podman write
	// pieces as fast as the container does; only a container that leaves a long line
	// unfinished makes them wait.
	TimeLimit = 5 * time.Second
	// MaxLine is the longest line that is joined, in bytes; a longer one is shown in
	// parts.
	MaxLine = 16 << 20
	// MaxOpen is how much of unfinished lines is kept, in bytes: beyond it, the one that
	// waits longest is shown as far as it goes.
	MaxOpen = 64 << 20
	// MaxLines is how many unfinished lines are kept.
	MaxLines = 4096
)

// Joiner joins the pieces of lines. It is given entries in the order of the journal, of
// any number of containers, and returns them with each line in one entry: that of its last
// piece, so that reading goes on exactly after its cursor. An entry that is less than a
// line keeps CONTAINER_PARTIAL_MESSAGE=true; of a whole one all CONTAINER_PARTIAL_ fields
// are removed.
//
// To go on after a cursor, give a new Joiner the entries of the TimeLimit before it, up to
// and with the cursor's own, and drop what it returns: then it has the pieces of lines that
// were unfinished there. A Joiner that begins in the middle of a line shows the rest of it,
// marked, with an event.
//
// Pieces that bear the id of their line (Docker 23 and later, log-pipe) are joined by it.
// Those of the old form bear a flag alone: the next entry of the same container and stream
// goes on, within the TimeLimit; the line ends with the first one that has no flag, or that
// is shorter than what the driver cuts at (Docker 16 KiB, Podman 8 KiB).
//
// A Joiner is not safe for concurrent use.
type Joiner struct {
	open  [2]map[string]*line // by stream and container
	lines int                 // in open
	bytes int                 // of their texts
	// earliest is not after the last piece of any line in open, in microseconds since
	// 1970.
	earliest int64
	shown    map[string]shown // by container and stream: what may go on with its id
	out      []entry.Record
	piece    piece
	e        entry.Entry // of the last line, when it is joined
	spare    []entry.Field
}

// line is a line of which the end is missing.
type line struct {
	container string
	stream    int
	last      *entry.Entry // of the last piece, without its text
	text      []byte
	id        string // "": the old form
	ordinal   int    // of the last piece
	cut       bool   // its front was shown, or is missing
}

// shown is a line with an id that was given up: what follows is not its beginning.
type shown struct {
	id      string
	ordinal int
}

// Add takes the next entry. The records are valid until the next call of any method.
func (j *Joiner) Add(e *entry.Entry) []entry.Record {
	j.begin()
	p := &j.piece
	p.read(e)
	if j.lines > 0 {
		j.expire(e.Realtime)
	}
	if p.form == whole || p.form == candidate && j.lines == 0 {
		j.give(e, p)
		return j.out
	}
	j.add(e, p)
	for j.lines > 0 && (j.bytes > MaxOpen || j.lines > MaxLines) {
		j.giveUp(j.oldest())
	}
	return j.out
}

func (j *Joiner) add(e *entry.Entry, p *piece) {
	l := j.open[p.stream][string(p.container)]
	if l != nil && !l.goesOn(p) {
		j.giveUp(l)
		l = nil
	}
	switch {
	case l == nil && p.form == candidate:
		j.give(e, p)
		return
	case l == nil && p.last && p.ordinal == 1:
		j.single(e, p)
		return
	case l == nil:
		l = j.begins(e, p)
	case p.form == withID && p.ordinal != l.ordinal+1:
		l.cut = true
		j.lost(e, "pieces of a line are missing")
	}
	if len(l.text)+len(p.text) > MaxLine && l.last != nil {
		j.part(l)
	}
	l.text = append(l.text, p.text...)
	l.ordinal = p.ordinal
	j.bytes += len(p.text)
	if !p.last {
		l.last = withoutText(e, p)
		return
	}
	j.finish(l, e, !l.cut)
	j.close(l)
}

// begins makes a line of the first piece that is read of it.
func (j *Joiner) begins(e *entry.Entry, p *piece) *line {
	l := &line{container: string(p.container), stream: p.stream, id: string(p.id), cut: p.ordinal != 1}
	if j.open[p.stream] == nil {
		j.open[p.stream] = map[string]*line{}
	}
	j.open[p.stream][l.container] = l
	if j.lines++; j.lines == 1 || e.Realtime < j.earliest {
		j.earliest = e.Realtime
	}
	if before := j.shown[shownKey(l)]; l.cut && (before.id != l.id || before.ordinal != p.ordinal-1) {
		j.lost(e, "the beginning of a line was not read, or is not in the journal")
	}
	return l
}

// goesOn reports whether a piece belongs to a line.
func (l *line) goesOn(p *piece) bool {
	if p.form == withID {
		return l.id == string(p.id) && p.ordinal > l.ordinal
	}
	return l.id == ""
}

// giveUp returns what there is of a line that has no end, and forgets it.
func (j *Joiner) giveUp(l *line) {
	j.finish(l, l.last, false)
	j.close(l)
	if l.id == "" {
		return
	}
	if j.shown == nil || len(j.shown) == MaxLines {
		j.shown = map[string]shown{}
	}
	j.shown[shownKey(l)] = shown{l.id, l.ordinal}
}

func shownKey(l *line) string { return string(rune('0'+l.stream)) + l.container }

// close forgets a line.
func (j *Joiner) close(l *line) {
	j.bytes -= len(l.text)
	j.lines--
	delete(j.open[l.stream], l.container)
}

// Expire returns the lines that have waited for the TimeLimit at a time, in microseconds
// since 1970. Add does the same by the time of its entry. Whoever follows calls it when
// there is nothing to read and Waiting says that there are unfinished lines.
func (j *Joiner) Expire(now int64) []entry.Record {
	j.begin()
	j.expire(now)
	return j.out
}

// Waiting reports how many unfinished lines there are.
func (j *Joiner) Waiting() int { return j.lines }

// End returns the unfinished lines of a container, by its full id: it has ended.
func (j *Joiner) End(containerID string) []entry.Record {
	j.begin()
	for _, lines := range j.open {
		if l := lines[containerID]; l != nil {
			j.giveUp(l)
		}
	}
	return j.out
}

// Flush returns all unfinished lines: there will be no more entries.
func (j *Joiner) Flush() []entry.Record {
	j.begin()
	j.expire(math.MaxInt64)
	return j.out
}

func (j *Joiner) begin() {
	clear(j.out)
	j.out = j.out[:0]
}

func (j *Joiner) expire(now int64) {
	if j.lines == 0 || now-j.earliest <= TimeLimit.Microseconds() {
		return
	}
	var late []*line
	j.earliest = math.MaxInt64
	for l := range j.all() {
		if now-l.last.Realtime > TimeLimit.Microseconds() {
			late = append(late, l)
		} else {
			j.earliest = min(j.earliest, l.last.Realtime)
		}
	}
	slices.SortFunc(late, compareLines)
	for _, l := range late {
		j.giveUp(l)
	}
}

// all goes over the unfinished lines.
func (j *Joiner) all() iter.Seq[*line] {
	return func(yield func(*line) bool) {
		for _, lines := range j.open {
			for _, l := range lines {
				if !yield(l) {
					return
				}
			}
		}
	}
}

func compareLines(a, b *line) int {
	return cmp.Or(cmp.Compare(a.last.Realtime, b.last.Realtime), cmp.Compare(a.container, b.container),
		cmp.Compare(a.stream, b.stream))
}

// oldest is the line that waits longest.
func (j *Joiner) oldest() (oldest *line) {
	for l := range j.all() {
		if oldest == nil || compareLines(l, oldest) < 0 {
			oldest = l
		}
	}
	return oldest
}
