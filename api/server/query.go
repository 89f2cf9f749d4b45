package server

import (
	"context"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
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
	m := v1.Matrix{Metric: ask.name, Unit: ask.unit(), Type: metric.Gauge.String()}
	switch {
	case ask.quantiles != nil:
		m.Result, err = s.percentiles(r.Context(), ask)
	case ask.distinct:
		m.Result, err = s.distinct(r.Context(), ask)
	default:
		m.Result, m.Type, err = s.columns(r.Context(), ask)
	}
	if err != nil {
		return err
	}
	if ask.app != nil && ask.app.sent == "" && !ask.app.seen {
		return unknownMetric(ask.name)
	}
	web.WriteBody(w, r, web.JSONType, appendMatrix(nil, &m))
	return nil
}

// question is a query as it was asked.
type question struct {
	name       string
	columns    []column
	agent      string
	match      query.Match
	start, end time.Time
	step       time.Duration
	rate       bool
	app        *appAsked // a metric of tasks, else nil

	quantiles     []float64 // percentiles of it, nil for its values
	quantileTexts []string
	distinct      bool // members of its sets
	by            []string
	alone         bool // each series by itself
}

// unit returns the unit of the answer. What tasks send has none.
func (q *question) unit() string {
	c := q.columns[0]
	switch {
	case q.app != nil:
		return ""
	case q.rate:
		return c.Unit() + "/second"
	}
	return c.Unit()
}

// isCounter reports whether a column of a row is a counter.
func isCounter(c column, r *frame.Row) bool {
	return c.Metric.Type == metric.Counter || c.Metric.Kind == metric.App && c.Metric.Column == metric.AppValue && r.Label("type") == metric.AppTypeCounter
}

func (s *server) parseQuery(r *http.Request) (*question, error) {
	q, err := params(r, "metric", "agent", "match", "start", "end", "step", "rate", "q", "percentile", "distinct", "by")
	if err != nil {
		return nil, err
	}
	ask := &question{name: q.Get("metric"), agent: q.Get("agent")}
	if ask.columns, err = findColumns(ask.name); err != nil {
		return nil, err
	}
	if len(ask.columns) == 0 {
		ask.app = askApp(ask.name)
		ask.columns = ask.app.columns()
		ask.name = ask.app.name(ask.name)
	} else if len(ask.columns) == 1 && ask.columns[0].name == "" {
		ask.name = ask.columns[0].Metric.Kind.String() + "." + ask.columns[0].Metric.Name
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
		return nil, web.BadRequest("start is after end")
	case span > maxRange:
		return nil, web.BadRequest("start and end are more than %d days apart", int(maxRange/(24*time.Hour)))
	}
	fair := (span / fairPoints).Truncate(time.Second)
	if ask.step, err = durationParam(q, "step", fair); err != nil {
		return nil, err
	}
	if ask.rate, err = boolParam(q, "rate"); err != nil {
		return nil, err
	}
	if err := ask.parseMerged(q); err != nil {
		return nil, err
	}
	for _, c := range ask.columns {
		if ask.rate && ask.app == nil && c.Metric.Type != metric.Counter {
			return nil, web.BadRequest("rate=1: %s is a gauge, only counters have a rate", ask.name)
		}
	}
	if ask.agent != "" {
		if _, err := s.someAgents(ask.agent); err != nil {
			return nil, err
		}
	}
	return ask, nil
}

// columns reads all columns that are asked for. It returns the type of the
// series, too: v1.Mixed if some are counters and some are not. A rate is a gauge.
func (s *server) columns(ctx context.Context, ask *question) (all []v1.Series, typ string, err error) {
	all = []v1.Series{}
	left, counters := maxPoints, 0
	for _, c := range ask.columns {
		series, read, err := s.column(ctx, ask, c, left)
		if err != nil {
			return nil, "", err
		}
		left -= read.points
		counters += read.counters
		all = append(all, series...)
	}
	switch {
	case ask.rate:
		return all, metric.Gauge.String(), nil
	case len(all) == 0:
		return all, ask.columns[0].Metric.Type.String(), nil
	case counters == len(all):
		return all, metric.Counter.String(), nil
	case counters > 0:
		return all, v1.Mixed, nil
	}
	return all, metric.Gauge.String(), nil
}

// columnRead counts what was read of a column.
type columnRead struct {
	points   int // before rates
	counters int // series returned that are counters
}

// column reads one column, at most limit points of it.
func (s *server) column(ctx context.Context, ask *question, c column, limit int) (out []v1.Series, read columnRead, err error) {
	q := query.Query{
		Agent: ask.agent, Kind: c.Metric.Kind, Column: c.Metric.Column, Match: ask.match,
		Start: ask.start.UnixNano(), End: ask.end.UnixNano(), Step: int64(ask.step), Limit: limit,
	}
	if ask.rate {
		// The first point's rate needs one before it.
		q.Start -= max(int64(ask.step), int64(15*time.Second))
	}
	if c.Rows != nil {
		q.Match = func(agent string, row, parent *frame.Row) bool {
			return c.Rows(row) && (ask.match == nil || ask.match(agent, row, parent))
		}
	}
	answer, err := s.History.Query(ctx, q)
	if err != nil {
		return nil, read, err
	}
	if c.Less != nil {
		q.Column = c.Less.Column
		less, err := s.History.Query(ctx, q)
		if err != nil {
			return nil, read, err
		}
		answer = subtract(answer, less)
	}
	for i := range answer {
		counter := isCounter(c, answer[i].Row)
		if ask.rate && !counter {
			continue
		}
		points := points(c, &answer[i], ask)
		read.points += len(answer[i].Times)
		if len(points) == 0 {
			continue
		}
		if counter {
			read.counters++
		}
		out = append(out, v1.Series{Labels: seriesLabels(ask.name, c, &answer[i]), Points: points})
	}
	return out, read, nil
}

// points converts values to the unit they are shown in, or to rates.
func points(c column, s *query.Series, ask *question) []v1.Point {
	out := make([]v1.Point, 0, len(s.Times))
	for i, at := range s.Times {
		v := s.Values[i]
		switch {
		case ask.rate:
			if i == 0 || at < ask.start.UnixNano() || at <= s.Times[i-1] {
				continue // the first point
			}
			rise := c.Rise(s.Values[i-1], v)
			if rise < 0 {
				continue // a counter that starts anew
			}
			per := rise / (float64(at-s.Times[i-1]) / 1e9)
			out = append(out, v1.Point{Time: time.Unix(0, at), Value: per})
		case v == metric.Absent:
		default:
			out = append(out, v1.Point{Time: time.Unix(0, at), Value: c.Value(v)})
		}
	}
	return out
}
