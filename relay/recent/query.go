package recent

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// defaultLimit bounds the points of a query without a limit.
const defaultLimit = 1 << 20

// Query returns series with their points sorted by time (see query.History). With a
// step, it reads the last tick of each step: a row that is not in that tick has no point
// for the step. Frames that cannot be decoded are skipped and counted (Stats).
func (s *Store) Query(ctx context.Context, q query.Query) ([]query.Series, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	if q.Column < 0 || q.End < q.Start {
		return nil, nil
	}
	ids, err := s.ids(q.Agent)
	if err != nil {
		return nil, err
	}
	var out []query.Series
	for _, id := range ids {
		series, err := s.queryAgent(ctx, &q, id)
		if err != nil {
			return nil, err
		}
		out = append(out, series...)
		for i := range series { // the limit applies to all agents together
			q.Limit -= len(series[i].Times)
		}
	}
	return out, nil
}

func (s *Store) queryAgent(ctx context.Context, q *query.Query, id string) ([]query.Series, error) {
	src, segs := s.collect(id, q.Start, q.End, nil)
	defer s.release(segs...)
	g := newAgentReader(s, q, id, src)
	g.cols[0] = q.Column
	defer s.decode.put(g.dec)
	for _, r := range choose(src, q) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.frame(r); err != nil {
			return nil, err
		}
	}
	return g.finish(), nil
}

// ids returns the agents to read: the given one, or all if it is "".
func (s *Store) ids(agent string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case agent == "":
		return slices.Sorted(maps.Keys(s.agents)), nil
	case s.agents[agent] == nil:
		return nil, query.ErrUnknownAgent
	}
	return []string{agent}, nil
}

// partID identifies a frame of an agent.
type partID struct {
	boot, seq uint64
	part      uint16
}

// collect finds the frames of an agent in a time span for which want returns true (all
// if it is nil), and the keyframes that they refer to. The caller releases the segments.
func (s *Store) collect(id string, start, end int64, want func(*frame.Header) bool) (src []source, segs []*segment) {
	var views []view
	s.mu.Lock()
	a := s.agents[id]
	if a == nil {
		s.mu.Unlock()
		return nil, nil
	}
	src, since := a.inMemory(start, end, want)
	for _, seg := range s.disk.segments {
		p := seg.agents[id]
		if p == nil || p.max < start || p.min > end || since <= seg.first {
			continue // no frame of the span, or only frames that are in memory too
		}
		segs = append(segs, seg)
		views = append(views, seg.view(p))
	}
	s.mu.Unlock()

	known := make(map[partID]bool, len(src))
	for i := range src {
		if !src[i].keyOnly {
			known[partID{src[i].Boot, src[i].Seq, src[i].Part}] = true
		}
	}
	for i := range views {
		v := &views[i]
		err := v.each(func(r *place) bool {
			in := r.Time >= start && r.Time <= end && (want == nil || want(&r.Header))
			pid := partID{r.Boot, r.Seq, r.Part}
			if (in || r.Keyframe()) && (r.carried || !known[pid]) {
				known[pid] = known[pid] || !r.carried
				r.Agent = id
				src = append(src, source{place: *r, seg: v.seg, keyOnly: r.carried})
			}
			return true
		})
		if err != nil { // skip the rest of this segment only
			s.failed()
		}
	}
	return src, segs
}

// inMemory is collect for the frames in memory. All frames of the agent with an arrival
// number of at least since are in memory.
func (a *agent) inMemory(start, end int64, want func(*frame.Header) bool) (src []source, since uint64) {
	since = math.MaxUint64
	if a.ticks.len() > 0 {
		since = a.ticks.front().no
	}
	ticks := a.ticks.all()
	for i := range ticks {
		if e := &ticks[i]; e.Keyframe() || e.Time >= start && e.Time <= end && (want == nil || want(&e.Header)) {
			src = append(src, source{place: place{Header: e.Header}, data: e.bytes()})
		}
	}
	for _, k := range a.keys { // includes keyframes whose own entries were dropped
		for i, data := range k.parts {
			if data != nil {
				h := k.Header
				h.Part = uint16(i)
				src = append(src, source{place: place{Header: h}, data: data, keyOnly: true})
			}
		}
	}
	return src, since
}

// choose selects the frames of the span, and with a step only those of the last tick of
// each step. It sorts them so that each keyframe is decoded once.
func choose(src []source, q *query.Query) []*source {
	type tick struct{ boot, seq uint64 }
	last := make(map[int64]tick)
	times := make(map[int64]int64)
	var in []*source
	for i := range src {
		r := &src[i]
		if r.keyOnly || r.Time < q.Start || r.Time > q.End {
			continue
		}
		in = append(in, r)
		if q.Step > 0 {
			step := (r.Time - q.Start) / q.Step
			if t, ok := times[step]; !ok || r.Time > t || r.Time == t && r.Seq > last[step].seq {
				last[step], times[step] = tick{r.Boot, r.Seq}, r.Time
			}
		}
	}
	if q.Step > 0 {
		in = slices.DeleteFunc(in, func(r *source) bool {
			return last[(r.Time-q.Start)/q.Step] != tick{r.Boot, r.Seq}
		})
	}
	slices.SortFunc(in, func(a, b *source) int {
		return cmp.Or(
			cmp.Compare(a.Boot, b.Boot), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Seq, b.Seq),
		)
	})
	return in
}
