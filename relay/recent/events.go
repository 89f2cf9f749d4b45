package recent

import (
	"cmp"
	"context"
	"slices"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

// defaultEvents bounds the answer to a query without a limit.
const defaultEvents = 1000

// Events returns the newest events, sorted by time (see query.History). It decodes only
// frames that have events. Frames that cannot be decoded are skipped and counted (Stats).
func (s *Store) Events(ctx context.Context, q query.EventQuery) ([]query.Event, error) {
	if q.Limit <= 0 {
		q.Limit = defaultEvents
	}
	ids, err := s.ids(q.Agent)
	if err != nil {
		return nil, err
	}
	var out []query.Event
	for _, id := range ids {
		if len(out) == q.Limit {
			q.Start = max(q.Start, out[0].Tick) // older events would be dropped
		}
		found, err := s.eventsOf(ctx, &q, id)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			continue
		}
		out = append(out, found...)
		slices.SortStableFunc(out, func(a, b query.Event) int { return cmp.Compare(a.Tick, b.Tick) })
		out = slices.Delete(out, 0, max(0, len(out)-q.Limit))
	}
	return out, nil
}

// eventsOf returns the newest events of one agent, sorted by time.
func (s *Store) eventsOf(ctx context.Context, q *query.EventQuery, id string) ([]query.Event, error) {
	src, segs := s.collect(id, q.Start, q.End, func(h *frame.Header) bool { return h.Events })
	defer s.release(segs...)
	var in []*source
	for i := range src {
		if r := &src[i]; r.Events && !r.keyOnly && r.Time >= q.Start && r.Time <= q.End {
			in = append(in, r)
		}
	}
	if len(in) == 0 {
		return nil, nil
	}
	slices.SortFunc(in, func(a, b *source) int { // newest first
		return -cmp.Or(
			cmp.Compare(a.Time, b.Time), cmp.Compare(a.Boot, b.Boot), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Part, b.Part),
		)
	})
	g := newAgentReader(s, &query.Query{Kind: metric.Event}, id, src)
	defer s.decode.put(g.dec)
	g.cols[0] = metric.EventTime
	var out []query.Event
	for _, r := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !g.columns(r) {
			continue
		}
		for i := len(g.tick.Rows) - 1; i >= 0 && len(out) < q.Limit; i-- {
			row := g.tick.Rows[i]
			parent := g.parent(&r.Header, row)
			if q.Match == nil || q.Match(id, row, parent) {
				out = append(out, query.Event{
					Agent: id, Boot: r.Boot, Tick: r.Time, Time: g.tick.Vals[0][i], Row: row, Parent: parent,
				})
			}
		}
		if len(out) == q.Limit {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}
