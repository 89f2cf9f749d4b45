package server

import (
	"context"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/metric"
)

const (
	maxPoints   = 1_000_000            // of one answer
	maxRange    = 400 * 24 * time.Hour // of one question
	fairPoints  = 600                  // a series has without step
	defaultSpan = time.Hour
)

// query answers GET /api/v1/query.
func (s *server) query(w http.ResponseWriter, r *http.Request) error {
	ask, err := s.parseQuery(r)
	if err != nil {
		return err
	}
	m := client.Matrix{Metric: ask.name, Unit: ask.columns[0].unit(), Type: ask.columns[0].m.Type.String(), Result: []client.Series{}}
	if ask.rate {
		m.Unit, m.Type = m.Unit+"/second", metric.Gauge.String()
	}
	left := maxPoints
	for _, c := range ask.columns {
		series, n, err := s.column(r.Context(), ask, c, left)
		if err != nil {
			return err
		}
		left -= n
		m.Result = append(m.Result, series...)
	}
	writeBody(w, r, "application/json; charset=utf-8", appendMatrix(nil, &m))
	return nil
}

// question is a query as it was asked.
type question struct {
	name       string
	columns    []column
	agent      string
	match      matchFunc
	start, end time.Time
	step       time.Duration
	rate       bool
}

func (s *server) parseQuery(r *http.Request) (*question, error) {
	q, err := params(r, "metric", "agent", "match", "start", "end", "step", "rate")
	if err != nil {
		return nil, err
	}
	ask := &question{name: q.Get("metric"), agent: q.Get("agent")}
	if ask.columns, err = findColumns(ask.name); err != nil {
		return nil, err
	}
	if len(ask.columns) == 1 && ask.columns[0].prom == "" {
		ask.name = ask.columns[0].m.Kind.String() + "." + ask.columns[0].m.Name
	}
	if ask.match, err = parseMatch(q.Get("match")); err != nil {
		return nil, err
	}
	now := s.now()
	if ask.end, err = timeParam(q, "end", now, now); err != nil {
		return nil, err
	}
	if ask.start, err = timeParam(q, "start", now, ask.end.Add(-defaultSpan)); err != nil {
		return nil, err
	}
	span := ask.end.Sub(ask.start)
	switch {
	case span < 0:
		return nil, badRequest("start is after end")
	case span > maxRange:
		return nil, badRequest("start and end are more than %d days apart", int(maxRange/(24*time.Hour)))
	}
	fair := (span / fairPoints).Truncate(time.Second)
	if ask.step, err = durationParam(q, "step", fair); err != nil {
		return nil, err
	}
	if ask.rate, err = boolParam(q, "rate"); err != nil {
		return nil, err
	}
	for _, c := range ask.columns {
		if ask.rate && c.m.Type != metric.Counter {
			return nil, badRequest("rate=1: %s is a gauge, only counters have a rate", ask.name)
		}
	}
	if ask.agent != "" {
		if _, err := s.someAgents(ask.agent); err != nil {
			return nil, err
		}
	}
	return ask, nil
}

// column reads one column, and tells how many points that were.
func (s *server) column(ctx context.Context, ask *question, c column, limit int) ([]client.Series, int, error) {
	q := Query{
		Agent: ask.agent, Kind: c.m.Kind, Column: c.m.Column, Match: ask.match,
		Start: ask.start.UnixNano(), End: ask.end.UnixNano(), Step: int64(ask.step), Limit: limit,
	}
	if ask.rate {
		// The first point's rate needs one before it.
		q.Start -= max(int64(ask.step), int64(15*time.Second))
	}
	answer, err := s.Fleet.Query(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	if c.less != nil {
		q.Column = c.less.Column
		less, err := s.Fleet.Query(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		answer = subtract(answer, less)
	}
	var out []client.Series
	n := 0
	for i := range answer {
		points := points(c, &answer[i], ask)
		n += len(answer[i].Times)
		if len(points) > 0 {
			out = append(out, client.Series{Labels: seriesLabels(ask.name, c, &answer[i]), Points: points})
		}
	}
	return out, n, nil
}

// points converts values to the unit they are shown in, or to rates.
func points(c column, s *Series, ask *question) []client.Point {
	out := make([]client.Point, 0, len(s.Times))
	for i, at := range s.Times {
		v := s.Values[i]
		switch {
		case ask.rate:
			if i == 0 || at < ask.start.UnixNano() || v < s.Values[i-1] || at <= s.Times[i-1] {
				continue // the first point, or a counter that starts anew
			}
			per := c.form.value(v-s.Values[i-1]) / (float64(at-s.Times[i-1]) / 1e9)
			out = append(out, client.Point{Time: time.Unix(0, at), Value: per})
		case v == metric.Absent:
		default:
			out = append(out, client.Point{Time: time.Unix(0, at), Value: c.shown(v)})
		}
	}
	return out
}
