package recent

import (
	"context"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

// manyMinutes is how many ticks a question for sets decodes in all, at one or two
// a minute. None of them can be done without: a longer question is refused.
const manyMinutes = 50_000

// Sets tells which members the series of App had (see query.History). All
// ticks are read while they are as few as Histograms reads. In a longer span the
// first of each minute is, which shows the members of the minute that is over,
// and the last of each step. Ticks that cannot be decoded are passed over and
// counted (Stats).
func (s *Store) Sets(ctx context.Context, q query.Query, fn func(*query.AppSeries, int64, *sketch.Set) error) error {
	t := teller{store: s, q: &q, set: fn}
	return t.agents(ctx)
}

// gather tells the members of a series, unless they were told in this step.
func (r *run) gather(o *observed, s *sketch.Set, at int64) error {
	step := r.stepOf(at)
	if o.told && step == o.step && s.Equal(&o.members) {
		return nil
	}
	o.told, o.step = true, step
	o.members.CopyFrom(s)
	if r.told++; r.told > r.q.Limit {
		return query.ErrTooMany
	}
	return r.set(&o.AppSeries, at, s)
}

// stepOf numbers the steps of the question.
func (t *teller) stepOf(at int64) int64 {
	if t.q.Step <= 0 {
		return 0
	}
	return (at - t.q.Start - 1) / t.q.Step
}

// chooseForSets picks those of an agent's ticks, all in the span, that are to be
// read: with too many, the first of each minute, and the last of each step.
func (t *teller) chooseForSets(ticks [][]*source) ([][]*source, error) {
	if len(ticks) > t.most {
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
	if t.read += len(ticks); t.read > manyMinutes {
		return nil, query.ErrTooLong
	}
	return ticks, nil
}
