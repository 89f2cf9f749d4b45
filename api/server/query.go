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
	maxPoints     = 1_000_000            // of one answer
	maxRange      = 400 * 24 * time.Hour // between start and end
	defaultPoints = 600                  // of a series, without step
	defaultSpan   = time.Hour
)

// query answers GET /api/v1/query.
func (s *server) query(w http.ResponseWriter, r *http.Request) error {
	spec, err := s.parseQuery(r)
	if err != nil {
		return err
	}
	m := v1.Matrix{Metric: spec.name, Unit: spec.unit(), Type: metric.Gauge.String()}
	switch {
	case spec.quantiles != nil:
		m.Result, err = s.percentiles(r.Context(), spec)
	case spec.distinct:
		m.Result, err = s.distinct(r.Context(), spec)
	default:
		m.Result, m.Type, err = s.columns(r.Context(), spec)
	}
	if err != nil {
		return err
	}
	if spec.app != nil && spec.app.sent == "" && !spec.app.seen {
		return unknownMetric(spec.name)
	}
	web.WriteBody(w, r, web.JSONType, appendMatrix(nil, &m))
	return nil
}

// querySpec is a parsed query.
type querySpec struct {
	name       string
	columns    []column
	agent      string
	match      query.Match
	start, end time.Time
	step       time.Duration
	rate       bool
	app        *appSelector // which series of tasks, nil for a metric of the catalogue

	quantiles     []float64 // percentiles that are asked for, nil for values
	quantileTexts []string
	distinct      bool // members of sets are counted
	by            []string
	alone         bool // no series are merged
}

// unit returns the unit of the answer. What tasks send has none.
func (q *querySpec) unit() string {
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
	if c.Metric.Kind == metric.App && c.Metric.Column == metric.AppValue {
		return r.Label("type") == metric.AppTypeCounter
	}
	return c.Metric.Type == metric.Counter
}

func (s *server) parseQuery(r *http.Request) (*querySpec, error) {
	q, err := params(r, "metric", "agent", "match", "start", "end", "step", "rate", "q", "percentile", "distinct", "by")
	if err != nil {
		return nil, err
	}
	spec := &querySpec{name: q.Get("metric"), agent: q.Get("agent")}
	if spec.columns, err = findColumns(spec.name); err != nil {
		return nil, err
	}
	if len(spec.columns) == 0 {
		spec.app = parseAppName(spec.name)
		spec.columns = spec.app.columns()
		spec.name = spec.app.name(spec.name)
	} else if len(spec.columns) == 1 && spec.columns[0].name == "" {
		spec.name = spec.columns[0].Metric.Kind.String() + "." + spec.columns[0].Metric.Name
	}
	if spec.match, err = parseMatch(q.Get("match")); err != nil {
		return nil, err
	}
	now := s.now()
	if spec.end, err = timeParam(q, "end", now, now); err != nil {
		return nil, err
	}
	if spec.start, err = timeParam(q, "start", now, spec.end.Add(-defaultSpan)); err != nil {
		return nil, err
	}
	span := spec.end.Sub(spec.start)
	switch {
	case span < 0:
		return nil, web.BadRequest("start is after end")
	case span > maxRange:
		return nil, web.BadRequest("start and end are more than %d days apart", int(maxRange/(24*time.Hour)))
	}
	fair := (span / defaultPoints).Truncate(time.Second)
	if spec.step, err = durationParam(q, "step", fair); err != nil {
		return nil, err
	}
	if spec.rate, err = boolParam(q, "rate"); err != nil {
		return nil, err
	}
	if err := spec.parseMergeParams(q); err != nil {
		return nil, err
	}
	for _, c := range spec.columns {
		if spec.rate && spec.app == nil && c.Metric.Type != metric.Counter {
			return nil, web.BadRequest("rate=1: %s is a gauge, only counters have a rate", spec.name)
		}
	}
	if spec.agent != "" {
		if _, err := s.agentsOf(spec.agent); err != nil {
			return nil, err
		}
	}
	return spec, nil
}

// columns reads all columns that are asked for. typ is the type of all series,
// v1.Mixed if some are counters and some are not. A rate is a gauge.
func (s *server) columns(ctx context.Context, spec *querySpec) (all []v1.Series, typ string, err error) {
	all = []v1.Series{}
	left, counters := maxPoints, 0
	for _, c := range spec.columns {
		series, read, err := s.column(ctx, spec, c, left)
		if err != nil {
			return nil, "", err
		}
		left -= read.points
		counters += read.counters
		all = append(all, series...)
	}
	switch {
	case spec.rate:
		return all, metric.Gauge.String(), nil
	case len(all) == 0:
		return all, spec.columns[0].Metric.Type.String(), nil
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
func (s *server) column(
	ctx context.Context, spec *querySpec, c column, limit int,
) (out []v1.Series, read columnRead, err error) {
	q := query.Query{
		Agent: spec.agent, Kind: c.Metric.Kind, Column: c.Metric.Column, Match: spec.match,
		Start: spec.start.UnixNano(), End: spec.end.UnixNano(), Step: int64(spec.step), Limit: limit,
	}
	if spec.rate {
		// The rate of the first point needs the point before it.
		q.Start -= max(int64(spec.step), int64(15*time.Second))
	}
	if c.Rows != nil {
		q.Match = func(agent string, row, parent *frame.Row) bool {
			return c.Rows(row) && (spec.match == nil || spec.match(agent, row, parent))
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
		if spec.rate && !counter {
			continue
		}
		points := points(c, &answer[i], spec)
		read.points += len(answer[i].Times)
		if len(points) == 0 {
			continue
		}
		if counter {
			read.counters++
		}
		out = append(out, v1.Series{Labels: seriesLabels(spec.name, c, &answer[i]), Points: points})
	}
	return out, read, nil
}

// points converts values to the unit they are shown in, or to rates per second.
func points(c column, s *query.Series, spec *querySpec) []v1.Point {
	out := make([]v1.Point, 0, len(s.Times))
	for i, at := range s.Times {
		v := s.Values[i]
		switch {
		case spec.rate:
			if i == 0 || at < spec.start.UnixNano() || at <= s.Times[i-1] {
				continue // the first point
			}
			rise := c.Rise(s.Values[i-1], v)
			if rise < 0 {
				continue // the counter was reset
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
