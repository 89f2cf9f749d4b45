package logdriver

import (
	"context"
	"time"

	"github.com/daytwo/daytwo/collector/journal"
)

// TimeLimit is how long a piece waits for the next one. The drivers write pieces as fast as
// the container writes; only a container that leaves a long line unfinished makes them wait.
const TimeLimit = 2 * time.Second

// Lines of pieces of the largest size up to MaxWhole are joined whole, and none of the parts of a longer one
// is longer than MaxPart, in bytes.
const (
	MaxWhole = 12 << 20
	MaxPart  = 14 << 20
)

// driver is what is particular to what writes the pieces.
type driver struct {
	key   byte
	piece int // the longest piece, in bytes. A longer entry is joined to none.
	from  int // how many pieces of a line are joined in any case
	shift int // of sequence numbers: see parted
}

var (
	docker  = driver{'d', 16 << 10, MaxWhole / (16 << 10), 7}
	conmon  = driver{'c', 16 << 10, MaxWhole / (16 << 10), 7} // what it reads at once, and what it has kept of before
	logPipe = driver{'l', 64 << 10, MaxWhole / (64 << 10), 5} // with --line-max up to that
)

// mayPart reports whether a part may end between two pieces by their sequence numbers.
func (d *driver) mayPart(a, b *journal.Cursor) bool {
	return a.SeqnumID != b.SeqnumID || a.Seqnum>>d.shift != b.Seqnum>>d.shift
}

// alone reports whether two pieces are not joined for their size.
func (d *driver) alone(a, b *Piece) bool { return a.size > d.piece || b.size > d.piece }

// InTime reports whether two entries are close enough to be pieces of a line that follow one
// another.
func InTime(a, b *journal.Cursor) bool {
	gap := int64(b.Monotonic - a.Monotonic)
	return a.Boot == b.Boot && max(gap, -gap) <= TimeLimit.Microseconds()
}

// parted reports whether a part of a line ends between two pieces that follow one another.
//
// A line that is too long is shown in parts. To know where one ends without reading the
// line from its beginning, which may be gone, or never have been, the sequence numbers of the
// journal decide once the line is long: a part ends between two pieces with a multiple of
// 1<<shift between their numbers, if the line has from pieces up to there. So a part has at
// most from + 1<<shift pieces.
func (j *Joiner) parted(ctx context.Context, a *Piece, ca *journal.Cursor, b *Piece, cb *journal.Cursor) (bool, error) {
	if a.driver.alone(a, b) {
		return true, nil
	}
	if !a.driver.mayPart(ca, cb) {
		return false, nil
	}
	if a.form == withID {
		return a.ordinal >= a.driver.from, nil
	}
	n, err := j.count(ctx, a, ca, cb)
	return n >= a.driver.from, err
}

// counted is how many pieces there are of a line up to one, or at least.
type counted struct {
	at    journal.Cursor
	n     int
	exact bool
}

// is reports whether the count is that of a piece.
func (k *counted) is(c *journal.Cursor) bool { return k.n > 0 && k.at.SameEntry(c) }

// before returns the count of the piece that is so many in front. ok is false if it may be
// larger, and that matters.
func (k *counted) before(steps, from int) (n int, ok bool) {
	n = k.n - steps
	return n, k.exact || n >= from
}

// maxCounted bounds of how many streams the last count is kept.
const maxCounted = 256

// lastCount returns the last count of a stream.
func (j *Joiner) lastCount(p *Piece) counted {
	j.key = p.AppendStream(j.key[:0])
	return j.counted[string(j.key)]
}

// count returns how many pieces there are of a line up to one, or more than enough for a part
// to end. next is the piece behind it.
func (j *Joiner) count(ctx context.Context, p *Piece, c, next *journal.Cursor) (int, error) {
	from, known := p.driver.from, j.lastCount(p)
	k := counted{at: *c, n: 1}
	if known.is(next) {
		k.n, k.exact = known.before(1, from)
	}
	if k.exact {
		k.exact = known.exact
	} else if err := j.countBack(ctx, p, &k, &known); err != nil {
		return 0, err
	}
	if len(j.counted) >= maxCounted {
		clear(j.counted)
	}
	j.counted[string(p.AppendStream(j.key[:0]))] = k
	return k.n, nil
}

// countBack counts, from a piece on, those in front, and more than are needed: then the
// pieces in front need not be counted for themselves.
func (j *Joiner) countBack(ctx context.Context, p *Piece, to, known *counted) error {
	now, w := p.Clone(), Piece{}
	at := to.at
	for to.n = 1; to.n < 2*p.driver.from; to.n++ {
		if known.is(&at) {
			to.n, to.exact = to.n-1+known.n, known.exact
			return nil
		}
		f, err := j.beside(ctx, &now, &at, true, &w)
		if err != nil {
			return err
		}
		if f.reach != found || !w.sameLine(&now) || p.driver.alone(&w, &now) {
			to.exact = true
			return nil
		}
		at = f.at
		now, w = w, now
	}
	return nil
}
