package recent

import (
	"context"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

// maxSetTicks bounds the ticks that a query for sets decodes, of all agents together. A
// query that requires more is refused, since no tick of the selection can be left out.
const maxSetTicks = 50_000

// Sets calls fn with the members of the series of App (see query.History). It reads all
// ticks if an agent has no more of them than Histograms would read. Of a longer span it
// reads the first tick of each minute, which has the members of the minute before, and
// the last tick of each step. A tick that cannot be decoded is skipped and counted
// (Stats).
func (s *Store) Sets(ctx context.Context, q query.Query, fn func(*query.AppSeries, int64, *sketch.Set) error) error {
	t := sketchQuery{store: s, q: &q, set: fn}
	return t.agents(ctx)
}

// emitMembers emits the members of a series, unless it has emitted the same members in
// the same step.
func (r *agentRun) emitMembers(o *observed, s *sketch.Set, at int64) error {
	step := r.stepOf(at)
	if o.emitted && step == o.step && s.Equal(&o.members) {
		return nil
	}
	o.emitted, o.step = true, step
	o.members.CopyFrom(s)
	if r.emitted++; r.emitted > r.q.Limit {
		return query.ErrTooMany
	}
	return r.set(&o.AppSeries, at, s)
}

// stepOf returns the number of the step that contains a time.
func (t *sketchQuery) stepOf(at int64) int64 {
	if t.q.Step <= 0 {
		return 0
	}
	return (at - t.q.Start - 1) / t.q.Step
}

// chooseForSets selects the ticks of an agent to read: all, or, if they are more than
// t.maxTicks, the first of each minute and the last of each step.
func (t *sketchQuery) chooseForSets(ticks [][]*source) ([][]*source, error) {
	if len(ticks) > t.maxTicks {
		minute := func(i int) int64 { return ticks[i][0].Time / int64(time.Minute) }
		same := func(i, j int) bool { return ticks[i][0].Boot == ticks[j][0].Boot }
		var chosen [][]*source
		for i, p := range ticks {
			first := i == 0 || !same(i-1, i) || minute(i-1) != minute(i)
			last := i+1 == len(ticks) || !same(i, i+1) || t.stepOf(p[0].Time) != t.stepOf(ticks[i+1][0].Time)
			if first || last {
				chosen = append(chosen, p)
			}
		}
		ticks = chosen
	}
	if t.read += len(ticks); t.read > maxSetTicks {
		return nil, query.ErrTooLong
	}
	return ticks, nil
}
