package server

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/server/prom"
)

// appPrefix marks a name that is given as a task sent it: app:request.time.
const appPrefix = "app:"

// appAsked is a metric of tasks, as it was asked for.
type appAsked struct {
	sent string    // as a task sent it
	prom []appProm // or what a Prometheus name may mean
	seen bool      // some row had the name
}

// appProm is one meaning of a Prometheus name: all rows of that name, of one
// type if the name ends in one's.
type appProm struct {
	name, typ string
	column    int // that the name ends in; -1 for the value, or a histogram's count
}

// appEndings are what a Prometheus name of tasks may end in beside a type.
var appEndings = []struct {
	end    string
	column int
}{{"_count", metric.AppCount}, {"_sum", metric.AppSum}, {prom.Decrements, metric.AppDecrements}}

func askApp(name string) *appAsked {
	if sent, ok := strings.CutPrefix(name, appPrefix); ok {
		return &appAsked{sent: sent}
	}
	a := &appAsked{prom: []appProm{{name, "", -1}}}
	for _, e := range appEndings {
		if base, ok := strings.CutSuffix(name, e.end); ok && base != "" {
			a.prom = append(a.prom, appProm{base, "", e.column})
		}
	}
	for _, p := range slices.Clone(a.prom) {
		for _, typ := range []string{metric.AppTypeCounter, metric.AppTypeGauge, metric.AppTypeSet, metric.AppTypeTimer, metric.AppTypeHistogram, metric.AppTypeDistribution, metric.AppTypeCheck} {
			if base, ok := strings.CutSuffix(p.name, "_"+metric.AppTypeName(typ)); ok && base != "" {
				a.prom = append(a.prom, appProm{base, typ, p.column})
			}
		}
	}
	return a
}

// name is how the answer's series are called.
func (a *appAsked) name(asked string) string {
	if a.sent != "" {
		return a.sent
	}
	return asked
}

// rows tells whether a row is asked for, by the column that is about to be read.
func (a *appAsked) rows(r *frame.Row, column int) bool {
	typ := r.Label("type")
	plain := metric.AppValue
	if metric.IsAppHistogram(typ) {
		plain = metric.AppCount
	}
	if a.sent != "" {
		if r.Key != a.sent {
			return false
		}
		a.seen = true
		return column == plain
	}
	name := prom.AppName(r.Key)
	for _, p := range a.prom {
		if p.name != name || p.typ != "" && p.typ != typ {
			continue
		}
		switch {
		case p.column < 0:
		case p.column == metric.AppDecrements && typ != metric.AppTypeCounter, p.column != metric.AppDecrements && !metric.IsAppHistogram(typ):
			continue // a name that ends so by chance
		}
		a.seen = true
		if p.column == column || p.column < 0 && column == plain {
			return true
		}
	}
	return false
}

// columns are all that the name may mean.
func (a *appAsked) columns() []column {
	var found []column
	for _, c := range []int{metric.AppValue, metric.AppDecrements, metric.AppCount, metric.AppSum} {
		named := func(p appProm) bool { return p.column == c }
		if c != metric.AppValue && c != metric.AppCount && !slices.ContainsFunc(a.prom, named) {
			continue
		}
		m := &metric.Columns(metric.App)[c]
		col := column{Column: prom.NativeColumn(m)}
		col.Rows = func(r *frame.Row) bool { return a.rows(r, c) }
		found = append(found, col)
	}
	return found
}

// appLabels are all that is known of a series of a task: whose it is, and its
// tags by the names that they have in an exposition.
func appLabels(agent string, row, parent *frame.Row) map[string]string {
	labels := map[string]string{"agent_id": agent}
	if parent != nil {
		for _, l := range parent.Labels {
			labels[l.Name] = l.Value
		}
		labels["cgroup"] = parent.Key
	}
	for _, l := range row.Labels {
		tag, ok := strings.CutPrefix(l.Name, metric.TagLabel)
		if !ok || tag == "" {
			continue
		}
		name := prom.TagName(tag)
		if v := labels[name]; v != "" {
			labels[name] = v + ";" + l.Value
		} else {
			labels[name] = l.Value
		}
	}
	if s := metric.AppTypeName(row.Label("type")); s != "" {
		labels["__type__"] = s
	}
	return labels
}
