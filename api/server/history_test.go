package server

import (
	"context"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"time"
)

// history is a fleet that keeps every tick it is given, in order of time.
type history struct {
	ticks map[string][]*frame.Batch
}

func historyOf(ticks ...*frame.Batch) *history {
	h := &history{ticks: map[string][]*frame.Batch{}}
	for _, b := range ticks {
		h.ticks[b.Agent] = append(h.ticks[b.Agent], b)
	}
	return h
}

func (h *history) newest(agent string) *frame.Batch {
	t := h.ticks[agent]
	if len(t) == 0 {
		return nil
	}
	return t[len(t)-1]
}

func (h *history) Agents() []query.Agent {
	var list []query.Agent
	for id := range h.ticks {
		b := h.newest(id)
		a := query.Agent{ID: id, Hostname: "host-of-" + id, Boot: b.Boot, Seq: b.Seq, Time: b.Time, Interval: b.Interval}
		a.Stale = time.Since(time.Unix(0, b.Time)) > time.Minute
		if t := b.Table(metric.Container); t != nil {
			a.Cgroups = len(t.Rows)
			for _, r := range t.Rows {
				if r.Label("container_id") != "" {
					a.Containers++
				}
			}
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b query.Agent) int { return strings.Compare(a.ID, b.ID) })
	return list
}

func (h *history) View(agent string, fn func(*frame.Batch)) error {
	b := h.newest(agent)
	if b == nil {
		return query.ErrUnknownAgent
	}
	fn(b)
	return nil
}

func (h *history) Query(ctx context.Context, q query.Query) ([]query.Series, error) {
	var list []query.Series
	points := 0
	for _, a := range h.Agents() {
		if q.Agent != "" && q.Agent != a.ID {
			continue
		}
		index := map[uint64]int{}
		for _, b := range h.ticks[a.ID] {
			t := b.Table(q.Kind)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if t == nil || b.Time < q.Start || b.Time > q.End {
				continue
			}
			parents := parentRows(b, q.Kind)
			for i, r := range t.Rows {
				v := t.Row(i)[q.Column]
				parent := parents[r.Parent]
				if v == metric.Absent || q.Match != nil && !q.Match(a.ID, r, parent) {
					continue
				}
				at, ok := index[r.ID]
				if !ok {
					at = len(list)
					index[r.ID] = at
					list = append(list, query.Series{Agent: a.ID, Row: r, Parent: parent})
				}
				s := &list[at]
				n := len(s.Times)
				if q.Step > 0 && n > 0 && s.Times[n-1]/q.Step == b.Time/q.Step {
					s.Times[n-1], s.Values[n-1] = b.Time, v
					continue
				}
				if points++; q.Limit > 0 && points > q.Limit {
					return nil, query.ErrTooMany
				}
				s.Times, s.Values = append(s.Times, b.Time), append(s.Values, v)
			}
		}
	}
	return list, nil
}

// ticksOf is n ticks in a row: every container uses half a core, and a quarter
// of a gigabyte more memory each tick.
func ticksOf(agent string, containers, n int) []*frame.Batch {
	var ticks []*frame.Batch
	first := testBatch(containers, false)
	for i := range n {
		b := testBatch(containers, false)
		b.Agent, b.Seq, b.Time = agent, uint64(i+1), testTime+int64(i)*testInterval
		for j := range b.Tables {
			b.Tables[j].Rows = first.Tables[j].Rows
		}
		t := b.Table(metric.Container)
		for r := range t.Rows {
			t.Row(r)[metric.CPUUsage] += int64(i) * 500_000_000
			t.Row(r)[metric.MemCurrent] = int64(i+1) << 28
		}
		ticks = append(ticks, b)
	}
	return ticks
}
