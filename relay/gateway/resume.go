package gateway

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// maxSearched is among how many entries of a time, and after it, the entry of a position
// is searched.
const maxSearched = 512

// resume returns where the agents of a plan continue after a cursor.
func (g *Gateway) resume(ctx context.Context, parts []part, q *query.LogQuery) ([]start, error) {
	positions, newest, err := parseVector(q.Cursor, g.o.MaxAgents)
	if err != nil {
		return nil, err
	}
	starts := make([]start, len(parts))
	errs := make([]error, len(parts))
	g.each(len(parts), func(i int) {
		p, known := positions[hashAgent(parts[i].agent)]
		switch {
		case !known: // it has come since
			starts[i].position = position{kind: since, time: newest}
		case p.kind == after && p.own != "" && !p.reversed && !q.Reverse:
			starts[i] = start{position: position{kind: after, time: p.time, hash: p.hash}, cursor: p.own}
		case p.kind == after:
			ctx, cancel := context.WithTimeout(ctx, g.o.Answer)
			defer cancel()
			starts[i], errs[i] = g.find(ctx, &parts[i], p, q.Reverse)
			if errs[i] != nil && !errors.Is(errs[i], query.ErrBadLogQuery) { // it is searched when the node is back
				starts[i], errs[i] = start{position: p}, nil
			}
		case p.kind == atEnd && !q.Reverse && q.Follow:
			starts[i].position = position{kind: since, time: time.Now().UnixMicro()}
		default:
			starts[i].position = p
		}
	})
	return starts, errors.Join(errs...)
}

// find returns the start at the entry of a position. That entry is not returned again,
// unless the cursor is of another agent's entry and was made in the other direction of
// reading: then this entry is among those to come. If the entry is gone, the start is its
// time.
func (g *Gateway) find(ctx context.Context, p *part, at position, reverse bool) (start, error) {
	q := p.q
	q.Fields, q.Limit, q.Follow, q.Reverse = positionFields, maxSearched, false, reverse
	s := start{position: position{kind: since, time: at.time}}
	s.apply(&q, reverse)
	cursor, _, err := g.first(ctx, p.agent, &q, func(e *entry.Entry) bool {
		return e.Realtime == at.time && hashCursor(e.Cursor) == at.hash
	})
	switch {
	case err != nil:
		return start{}, err
	case cursor != "":
		comes := at.reversed != reverse && !at.current
		s := start{position: position{kind: after, time: at.time, hash: at.hash}, cursor: cursor}
		if comes != reverse {
			s.kind = before
		}
		return s, nil
	}
	q.Since, q.Until, q.Cursor, q.Reverse, q.Limit = p.q.Since, p.q.Until, "", false, 1
	_, oldest, err := g.first(ctx, p.agent, &q, func(*entry.Entry) bool { return true })
	s.lost = !reverse && (oldest == 0 || oldest > at.time)
	return s, err
}

// first returns the cursor and the time of the first entry of a query that has a property.
func (g *Gateway) first(
	ctx context.Context, agent string, q *query.LogQuery, has func(*entry.Entry) bool,
) (cursor string, realtime int64, err error) {
	r, err := g.o.Node(agent).Entries(ctx, q)
	if errors.Is(err, query.ErrNoSuchSource) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		switch {
		case err == io.EOF:
			return "", 0, nil
		case err != nil:
			return "", 0, err
		case rec.Entry != nil && has(rec.Entry):
			return string(append([]byte(nil), rec.Entry.Cursor...)), rec.Entry.Realtime, nil
		}
	}
}
