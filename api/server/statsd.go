package server

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// The number of metrics in an answer.
const (
	defaultMetrics = 100
	maxMetrics     = 10_000
)

// statsd answers GET /api/v1/statsd.
func (s *server) statsd(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "agent", "container", "match", "sort", "limit")
	if err != nil {
		return err
	}
	order, limit, err := statsdOrder(q)
	if err != nil {
		return err
	}
	match, err := parseMatch(q.Get("match"))
	if err != nil {
		return err
	}
	agents, err := s.agentsOf(q.Get("agent"))
	if err != nil {
		return err
	}
	answer := v1.StatsD{Ledgers: []v1.Ledger{}, Metrics: []v1.SentMetric{}}
	found := q.Get("container") == ""
	for _, a := range agents {
		v := statsdReader{match: match, answer: &answer}
		if err := v.rates(r.Context(), s.History, a); err != nil {
			return err
		}
		err := s.Fleet.View(a.ID, func(b *frame.Batch) {
			if v.find(b, q.Get("container")) {
				found = true
				v.read(b)
			}
		})
		if err != nil {
			return err
		}
	}
	if !found {
		return web.NotFound("unknown container: GET /api/v1/containers lists all")
	}
	slices.SortFunc(answer.Ledgers, func(x, y v1.Ledger) int {
		return cmp.Or(cmp.Compare(x.AgentID, y.AgentID), -compareBool(x.All, y.All), cmp.Compare(x.Name, y.Name),
			cmp.Compare(x.Cgroup, y.Cgroup))
	})
	slices.SortFunc(answer.Metrics, order)
	answer.Metrics = answer.Metrics[:min(limit, len(answer.Metrics))]
	return web.WriteJSON(w, r, answer)
}

// statsdOrder parses the order and the maximum number of the metrics in the answer.
func statsdOrder(q url.Values) (order func(x, y v1.SentMetric) int, limit int, err error) {
	var first func(x, y v1.SentMetric) int
	rate := func(m *v1.SentMetric) float64 {
		if m.Rate == nil {
			return -1
		}
		return *m.Rate
	}
	switch v := q.Get("sort"); v {
	case "", "rate":
		first = func(x, y v1.SentMetric) int { return cmp.Compare(rate(&y), rate(&x)) }
	case "series":
		first = func(x, y v1.SentMetric) int { return cmp.Compare(y.Series, x.Series) }
	case "samples":
		first = func(x, y v1.SentMetric) int { return cmp.Compare(y.Samples, x.Samples) }
	default:
		return nil, 0, web.BadRequest("sort=%q: use rate, series or samples", v)
	}
	limit = defaultMetrics
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxMetrics {
			return nil, 0, web.BadRequest("limit=%q: use a number from 1 to %d", v, maxMetrics)
		}
	}
	return func(x, y v1.SentMetric) int {
		return cmp.Or(first(x, y), cmp.Compare(y.Samples, x.Samples), cmp.Compare(x.AgentID, y.AgentID),
			cmp.Compare(x.ContainerID, y.ContainerID), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Type, y.Type))
	}, limit, nil
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// statsdReader adds the StatsD metrics and ledgers of one agent to an answer.
type statsdReader struct {
	match           query.Match
	answer          *v1.StatsD
	samples, ledger map[uint64]float64 // rates, by row
	containers      map[uint64]*frame.Row
	only            string // container id, "" for all
}

// rates queries the agent's current rates.
func (v *statsdReader) rates(ctx context.Context, h query.History, a query.Agent) (err error) {
	if v.samples, err = query.LastRates(ctx, h, a, metric.App, metric.AppSamples); err != nil {
		return err
	}
	v.ledger, err = query.LastRates(ctx, h, a, metric.Statsd, metric.StatsdReceived)
	return err
}

// find looks up the requested container, if the request names one. It reports whether the
// tick has it.
func (v *statsdReader) find(b *frame.Batch, container string) bool {
	v.containers = map[uint64]*frame.Row{}
	t := b.Table(metric.Container)
	if t == nil {
		return container == ""
	}
	for _, r := range t.Rows {
		v.containers[r.ID] = r
	}
	if container == "" {
		return true
	}
	i := query.FindContainer(t, container)
	if i >= 0 {
		v.only = t.Rows[i].Label("container_id")
	}
	return i >= 0
}

// wanted reports whether a row belongs to a requested container. It also returns the
// container's row, nil if the sender is unknown.
func (v *statsdReader) wanted(b *frame.Batch, r *frame.Row) (container *frame.Row, ok bool) {
	container = v.containers[r.Parent]
	if v.only != "" && (container == nil || container.Label("container_id") != v.only) {
		return nil, false
	}
	if v.match != nil && (container == nil || !v.match(b.Agent, container, nil)) {
		return nil, false
	}
	return container, true
}

func (v *statsdReader) read(b *frame.Batch) {
	if t := b.Table(metric.Statsd); t != nil {
		for i, r := range t.Rows {
			if c, ok := v.wanted(b, r); ok {
				v.answer.Ledgers = append(v.answer.Ledgers, v.newLedger(b, r, c, t.Row(i)))
			}
		}
	}
	t := b.Table(metric.App)
	if t == nil {
		return
	}
	type key struct{ container, name, typ string }
	index := map[key]int{}
	for i, r := range t.Rows {
		c, ok := v.wanted(b, r)
		if !ok {
			continue
		}
		m := v1.SentMetric{AgentID: b.Agent, Name: r.Key, Type: metric.AppTypeName(r.Label("type"))}
		k := key{"", m.Name, m.Type}
		if c != nil {
			m.ContainerID, m.Container = c.Label("container_id"), displayName(c)
			k.container = cmp.Or(m.ContainerID, c.Key)
		}
		j, ok := index[k]
		if !ok {
			j = len(v.answer.Metrics)
			index[k] = j
			v.answer.Metrics = append(v.answer.Metrics, m)
		}
		sum := &v.answer.Metrics[j]
		sum.Series++
		sum.Samples += max(0, t.Row(i)[metric.AppSamples]) // Absent is negative
		if rate, ok := v.samples[r.ID]; ok {
			if sum.Rate == nil {
				sum.Rate = new(float64)
			}
			*sum.Rate += rate
		}
	}
}

// newLedger returns the document of a row of the ledger. c is the row of its container, nil
// if the sender is unknown.
func (v *statsdReader) newLedger(b *frame.Batch, r, c *frame.Row, row []int64) v1.Ledger {
	count := func(column int) int64 { return max(0, row[column]) }
	l := v1.Ledger{
		AgentID: b.Agent, Time: time.Unix(0, b.Time).UTC(), All: r.Key == "", Cgroup: r.Key,
		Received: count(metric.StatsdReceived), Accepted: count(metric.StatsdAccepted), Shed: count(metric.StatsdShed),
		Overflowed: count(metric.StatsdOverflowed), Filtered: count(metric.StatsdFiltered),
		Events: count(metric.StatsdEvents), EventsDropped: count(metric.StatsdEventsDropped),
		ServiceChecks: count(metric.StatsdServiceChecks), StatusChanges: count(metric.StatsdStatusChanges),
		Series: count(metric.StatsdSeries), TypeConflicts: count(metric.StatsdTypeConflicts),
		Packets: count(metric.StatsdPackets), Bytes: count(metric.StatsdBytes),
		KernelDrops: count(metric.StatsdKernelDrops),
	}
	if c != nil {
		l.ContainerID, l.Name, l.Cgroup = c.Label("container_id"), displayName(c), c.Key
	}
	for _, m := range metric.Columns(metric.Statsd) {
		reason, ok := strings.CutPrefix(m.Name, "statsd.rejected.")
		if n := count(m.Column); ok && n > 0 {
			if l.Reasons == nil {
				l.Reasons = map[string]int64{}
			}
			l.Reasons[reason] = n
			l.Rejected += n
		}
	}
	if rate, ok := v.ledger[r.ID]; ok {
		l.Rate = &rate
	}
	return l
}

// displayName returns the DisplayName of the container of a row.
func displayName(r *frame.Row) string {
	c := v1.Container{
		TaskName: r.Label("task_name"), Name: r.Label("name"), TaskID: r.Label("task_id"),
		ContainerID: r.Label("container_id"), Unit: r.Label("unit"), Cgroup: r.Key,
	}
	return c.DisplayName()
}
