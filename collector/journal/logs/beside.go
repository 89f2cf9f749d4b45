package logs

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// side is a direction from an entry of a stream of a container.
type side struct {
	stream string
	back   bool
}

// maxNear bounds how many walks look around entries.
const maxNear = 16

// beside returns a walk over the entries of a piece's container, one for each stream. One that
// goes on in its direction need not seek.
func (j *joined) beside(p *logdriver.Piece, back bool) *walk {
	j.key = p.AppendStream(j.key[:0])
	w := j.near[side{string(j.key), back}]
	if w != nil {
		return w
	}
	if len(j.near) == maxNear {
		j.closeNear()
	}
	container := p.Container()
	w = j.o.walk(&plan{until: 1<<63 - 1, scope: j.p.scope, match: journal.Any(
		journal.Equal("CONTAINER_ID_FULL", container), journal.Equal("CONTAINER_ID", container))})
	j.near[side{string(j.key), back}] = w
	return w
}

func (j *joined) closeNear() {
	for s, w := range j.near {
		w.close()
		delete(j.near, s)
	}
}

// around is logdriver.Around.
func (j *joined) around(ctx context.Context, p *logdriver.Piece, c *journal.Cursor, back bool) (
	[]entry.Field, journal.Cursor, bool, error) {
	w := j.beside(p, back)
	d := forward
	if back {
		d = backward
	}
	if at := w.r.Cursor(); w.at != d || !at.Whole() || !at.SameEntry(c) {
		if w.at = none; back {
			w.r.SeekCursor(*c)
		} else {
			w.r.SeekAfter(*c)
		}
	}
	for {
		ok, err := w.step(ctx, d)
		if !ok || err != nil {
			return nil, *c, false, err
		}
		if w.byFields && w.wanted {
			return w.fields, w.r.Cursor(), true, nil
		}
	}
}

// age is how long ago an entry was written: by the clock of the boot if it is of this one,
// else by the time of day.
func age(c *journal.Cursor) time.Duration {
	var now unix.Timespec
	if c.Boot != thisBoot() || unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return time.Since(time.UnixMicro(int64(c.Realtime)))
	}
	return time.Duration(now.Nano()) - time.Duration(c.Monotonic)*time.Microsecond
}
