package gateway

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// start is where reading begins at an agent: a position, with the agent's own cursor.
type start struct {
	position
	cursor string // of kinds after and before; "" if it has to be searched first
	lost   bool   // the entry of the position is gone, and those after it may be
}

// apply lets a query begin there. It reports whether anything can come.
func (s start) apply(q *query.LogQuery, reverse bool) bool {
	q.Cursor, q.Skip, q.Tail, q.Reverse = "", 0, false, reverse
	switch s.kind {
	case atBegin:
		return !reverse
	case atEnd:
		return reverse
	case since:
		if reverse {
			if q.Until == 0 || s.time < q.Until {
				q.Until = s.time
			}
		} else {
			q.Since = max(q.Since, s.time)
		}
	case after:
		q.Cursor = s.cursor
		if reverse { // the entry itself comes
			q.Skip = 1
		}
	case before:
		q.Cursor = s.cursor
		if !reverse {
			q.Skip = -1
		}
	}
	return true
}

// positionFields are the fields that are asked for where only positions are needed.
var positionFields = []string{"PRIORITY"}

// move moves the place where reading begins by n entries of the merged order, forward if n
// is positive, and returns by how many of those there were too few.
func (g *Gateway) move(ctx context.Context, parts []part, starts []start, n int64) (missing int64, err error) {
	reverse := n <= 0
	count := max(n, -n)
	m := g.newMerger(reverse, false)
	defer m.close()
	for i := range parts {
		l := m.add(parts[i].agent, starts[i])
		l.q = parts[i].q
		l.q.Fields, l.q.Follow, l.q.Limit = positionFields, false, count+1
		if !starts[i].apply(&l.q, reverse) {
			l.state = ended
		}
	}
	m.openAll(ctx)
	if err := m.refused(); err != nil {
		return 0, err
	}
	m.begin()
	for count > 0 {
		rec, l, err := m.next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		if rec.Entry != nil {
			l.took(rec.Entry)
			count--
		}
	}
	if err := m.heads(ctx); err != nil {
		return 0, err
	}
	for i, l := range m.legs {
		switch {
		case !reverse && l.used != nil:
			starts[i] = start{
				position: position{kind: after, time: l.usedAt, hash: hashCursor(string(l.used))}, cursor: string(l.used),
			}
		case reverse && l.state == ready:
			e := l.rec.Entry
			c := string(append([]byte(nil), e.Cursor...))
			starts[i] = start{position: position{kind: after, time: e.Realtime, hash: hashCursor(c)}, cursor: c}
		case reverse && (l.reason == nil || errors.Is(l.reason, query.ErrNoSuchSource)):
			starts[i] = start{}
		case reverse: // it went away: its entries come from now on
			starts[i] = start{position: position{kind: since, time: time.Now().UnixMicro()}}
		}
	}
	return count, nil
}

// refused returns why nobody answers the query, if that is so, or why it makes no sense.
func (m *merger) refused() error {
	for _, l := range m.legs {
		var ambiguous *query.AmbiguousError
		switch err := l.failed; {
		case err == nil:
		case errors.Is(err, query.ErrBadLogQuery), errors.Is(err, query.ErrBadCursor), errors.As(err, &ambiguous),
			errors.Is(err, query.ErrLogsBusy), errors.Is(err, context.Canceled):
			return err
		}
	}
	var first error
	answered := false
	for _, l := range m.legs {
		answered = answered || l.failed == nil
		if l.failed != nil && (first == nil || errors.Is(first, query.ErrNoSuchSource)) {
			first = l.failed // that a node is away says more than that there is nothing elsewhere
		}
	}
	if answered {
		return nil
	}
	return first
}
