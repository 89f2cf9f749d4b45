package server

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/prom"
	"github.com/daytwo/daytwo/api/server/web"
)

// column is one column of a query. Its values are those of the Prometheus exposition if the
// query gives a Prometheus name.
type column struct {
	prom.Column
	name string // Prometheus name, "" if the query gives a native name
}

// findColumns returns the columns of a name: a native name, with or without its kind, or a
// Prometheus name, with or without fixed labels. It returns none for other names, which may
// be StatsD metrics.
func findColumns(name string) ([]column, error) {
	if name == "" {
		return nil, web.BadRequest("metric is missing: give a native name as container.cpu.usage, or a Prometheus name")
	}
	var native []column
	for k := metric.Host; k <= metric.MaxKind; k++ {
		for i := range metric.Columns(k) {
			m := &metric.Columns(k)[i]
			if m.Name == name || k.String()+"."+m.Name == name {
				native = append(native, column{Column: prom.NativeColumn(m)})
			}
		}
	}
	if len(native) > 1 {
		var names []string
		for _, c := range native {
			names = append(names, c.Metric.Kind.String()+"."+c.Metric.Name)
		}
		slices.Sort(names)
		return nil, web.BadRequest("metric %q is ambiguous: ask for %s", name, strings.Join(names, " or "))
	}
	if len(native) > 0 {
		return native, nil
	}
	family, labels := metric.SplitProm(name)
	var found []column
	for _, c := range prom.Columns(family, labels) {
		found = append(found, column{c, family})
	}
	return found, nil
}

func unknownMetric(name string) error {
	return web.BadRequest("unknown metric %q: give a native name as container.cpu.usage, a Prometheus name that "+
		"/fleet/metrics has, or app: and a name that a task sends", name)
}

// subtract returns from - less, point by point, at the times that both have, and
// at least 0.
func subtract(from, less []query.Series) []query.Series {
	type key struct {
		agent string
		row   uint64
	}
	other := make(map[key]*query.Series, len(less))
	for i := range less {
		other[key{less[i].Agent, less[i].Row.ID}] = &less[i]
	}
	var out []query.Series
	for _, s := range from {
		l := other[key{s.Agent, s.Row.ID}]
		if l == nil {
			continue
		}
		d := query.Series{Agent: s.Agent, Row: s.Row, Parent: s.Parent}
		for i, j := 0, 0; i < len(s.Times) && j < len(l.Times); {
			switch {
			case s.Times[i] < l.Times[j]:
				i++
			case s.Times[i] > l.Times[j]:
				j++
			default:
				d.Times, d.Values = append(d.Times, s.Times[i]), append(d.Values, max(0, s.Values[i]-l.Values[j]))
				i, j = i+1, j+1
			}
		}
		out = append(out, d)
	}
	return out
}
