package recent

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

const (
	// manyTicks is about how many ticks a query for histograms decodes, of all agents
	// together. Of a longer span it decodes a selection.
	manyTicks        = 20_000
	minTicksPerAgent = 50   // the selection of an agent is not smaller, if it has as many ticks
	maxTicksPerAgent = 1000 // nor larger, unless the query has more steps

	// lookBehind is how far before its start, in nanoseconds, a query looks for a tick
	// from whose counts it subtracts.
	lookBehind = int64(5 * time.Minute)
)

// Histograms calls fn with what the series of App observed (see query.History). It
// decodes all ticks of a span with at most manyTicks ticks (maxTicksPerAgent of each
// agent), and the result is exact. Of a longer span it decodes the last of several
// consecutive ticks: if a series ends between two of those, its last observations are
// missing. A tick that cannot be decoded is skipped and counted (Stats); its
// observations are counted in the next tick.
func (s *Store) Histograms(
	ctx context.Context, q query.Query, fn func(*query.AppSeries, int64, *sketch.Histogram) error,
) error {
	t := sketchQuery{store: s, q: &q, histogram: fn}
	return t.agents(ctx)
}

// sketchQuery is one query for histograms or for sets.
type sketchQuery struct {
	q         *query.Query
	histogram func(*query.AppSeries, int64, *sketch.Histogram) error // one of the two is nil
	set       func(*query.AppSeries, int64, *sketch.Set) error
	store     *Store
	maxTicks  int // to read of an agent
	read      int // ticks read, of a query for sets
	emitted   int // calls of histogram or set
}

// agents reads all agents that the query selects.
func (t *sketchQuery) agents(ctx context.Context) error {
	if t.q.Limit <= 0 {
		t.q.Limit = defaultLimit
	}
	if t.q.End < t.q.Start {
		return nil
	}
	ids, err := t.store.ids(t.q.Agent)
	if err != nil {
		return err
	}
	t.maxTicks = min(maxTicksPerAgent, max(minTicksPerAgent, manyTicks/max(1, len(ids))))
	for _, id := range ids {
		if err := t.agent(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// agentRun is the state of reading one agent's ticks, in order.
type agentRun struct {
	*sketchQuery
	g     *agentReader // finds the parents of rows, and keyframes
	parts []*sketchPart
	boot  uint64
	began bool                 // a tick of boot was read
	rows  map[uint64]*observed // by row ID
	names map[string]*observed // by identity, the newest row of each
	diff  sketch.Histogram     // the increase that is passed to fn
}

// sketchPart is the decoded keyframe and tick of one part.
type sketchPart struct {
	frame.PartDecoder[frame.Sketches]
	delta frame.Sketches
	now   *frame.Sketches
}

// observed is one series in one run of a collector.
type observed struct {
	query.AppSeries
	match bool
	seen  bool             // a tick with it was read
	last  sketch.Histogram // in that tick

	emitted bool       // its members were passed to fn
	step    int64      // for the last time in this step
	members sketch.Set // and these were they
}

// agent reads the ticks of one agent.
func (t *sketchQuery) agent(ctx context.Context, id string) error {
	src, segs := t.store.collect(id, t.q.Start-lookBehind, t.q.End, nil)
	defer t.store.release(segs...)
	r := agentRun{sketchQuery: t, g: newAgentReader(t.store, t.q, id, src)}
	defer t.store.decode.put(r.g.dec)
	ticks, err := t.choose(src)
	if err != nil {
		return err
	}
	for _, tick := range ticks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.tick(tick); err != nil {
			return err
		}
	}
	return nil
}

// tick emits what was observed since the previous tick that was read. Its errors are
// those of fn, and query.ErrTooMany; it skips a tick that cannot be read.
func (r *agentRun) tick(parts []*source) error {
	slices.SortFunc(parts, func(a, b *source) int { return cmp.Compare(a.Part, b.Part) })
	for len(r.parts) < len(parts) {
		part := new(sketchPart)
		part.Keyframe, part.Decode = r.g.keyframe, r.decode
		r.parts = append(r.parts, part)
	}
	if boot := parts[0].Boot; boot != r.boot || r.rows == nil {
		r.boot, r.began = boot, false
		r.rows, r.names = map[uint64]*observed{}, map[string]*observed{}
	}
	for i, p := range parts {
		if !r.read(p, r.parts[i]) {
			return nil
		}
	}
	// The counts of the first tick that is read of a run were all observed within the
	// span only if the run began after the start of the span.
	h := &parts[0].Header
	count := r.began || h.Time-int64(h.Seq)*h.Interval >= r.q.Start-h.Interval
	r.began = true
	for i := range parts {
		now := r.parts[i].now
		for j, row := range now.Rows {
			h, set := now.Histograms[j], now.Sets[j]
			if h == nil && set == nil {
				continue
			}
			o := r.find(&parts[i].Header, row)
			if !o.match {
				continue
			}
			var err error
			switch {
			case r.set != nil && set != nil:
				err = r.emitMembers(o, set, parts[i].Time)
			case r.histogram != nil && h != nil:
				err = r.emitIncrease(o, h, parts[i].Time, count)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// emitIncrease emits what a series observed since the previous tick.
func (r *agentRun) emitIncrease(o *observed, h *sketch.Histogram, at int64, count bool) error {
	if o.seen && h.Equal(&o.last) {
		return nil
	}
	r.diff.CopyFrom(h)
	if o.seen {
		r.diff.Sub(&o.last) // leaves diff unchanged if the series was reset
	} else if !count {
		r.diff.Reset()
	}
	o.seen = true
	o.last.CopyFrom(h)
	if at <= r.q.Start || r.diff.Count() <= 0 {
		return nil
	}
	if r.emitted++; r.emitted > r.q.Limit {
		return query.ErrTooMany
	}
	return r.histogram(&o.AppSeries, at, &r.diff)
}

// find returns the state of a row's series.
func (r *agentRun) find(h *frame.Header, row *frame.Row) *observed {
	o := r.rows[row.ID]
	if o == nil {
		parent := r.g.parent(h, row)
		o = &observed{AppSeries: query.AppSeries{Agent: r.g.agent, Row: row, Parent: parent}}
		o.match = r.q.Match == nil || r.q.Match(r.g.agent, row, parent)
		r.rows[row.ID] = o
		if o.match {
			r.inherit(o)
		}
	}
	return o
}

// inherit copies the state of an earlier row of the same series. When the labels of its
// container change, a series gets a new row, but its counts continue.
func (r *agentRun) inherit(o *observed) {
	var group *frame.Row
	if o.Parent != nil {
		group = &frame.Row{Key: o.Parent.Key}
	}
	name := identity(o.Row, group)
	if before := r.names[name]; before != nil {
		o.seen = before.seen
		o.last.CopyFrom(&before.last)
	}
	r.names[name] = o
}

// read decodes one part of a tick. It reports whether the part could be read and
// decoded.
func (r *agentRun) read(p *source, to *sketchPart) bool {
	data, err := p.bytes()
	if err != nil {
		r.store.failed()
		return false
	}
	to.now, err = to.Next(&p.Header, data, &to.delta)
	return err == nil
}

// decode decodes the histograms and sets of the rows that match the query.
func (r *agentRun) decode(h *frame.Header, data []byte, key, dst *frame.Sketches) error {
	begun := time.Now()
	err := r.g.dec.DecodeSketches(data, key, dst, func(row *frame.Row) bool { return r.find(h, row).match })
	r.store.decode.took(begun, err)
	return err
}
