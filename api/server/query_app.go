package server

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/server/prom"
)

// appPrefix precedes a StatsD name as it was sent: app:request.time.
const appPrefix = "app:"

// appSelector selects StatsD series by the name in a query.
type appSelector struct {
	sent string        // name as a task sent it
	prom []promMeaning // else the meanings of a Prometheus name
	seen bool          // some row has the name
}

// promMeaning is one meaning of a Prometheus name: the rows with the name in the exposition,
// and, if the query's name ends in a type, with that type.
type promMeaning struct {
	name, typ string
	column    int // that the Prometheus name ends in; -1 for the value, or the count of a histogram
}

// appEndings are the suffixes of Prometheus names that stand for a column.
var appEndings = []struct {
	end    string
	column int
}{{"_count", metric.AppCount}, {"_sum", metric.AppSum}, {prom.Decrements, metric.AppDecrements}}

func parseAppName(name string) *appSelector {
	if sent, ok := strings.CutPrefix(name, appPrefix); ok {
		return &appSelector{sent: sent}
	}
	a := &appSelector{prom: []promMeaning{{name, "", -1}}}
	for _, e := range appEndings {
		if base, ok := strings.CutSuffix(name, e.end); ok && base != "" {
			a.prom = append(a.prom, promMeaning{base, "", e.column})
		}
	}
	for _, p := range slices.Clone(a.prom) {
		for _, typ := range metric.AppTypes {
			if base, ok := strings.CutSuffix(p.name, "_"+metric.AppTypeName(typ)); ok && base != "" {
				a.prom = append(a.prom, promMeaning{base, typ, p.column})
			}
		}
	}
	return a
}

// name returns the name of the series in the answer.
func (a *appSelector) name(asked string) string {
	if a.sent != "" {
		return a.sent
	}
	return asked
}

// rows reports whether the query asks for a column of a row.
func (a *appSelector) rows(r *frame.Row, column int) bool {
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
	name, _ := prom.AppName(r.Key, typ)
	for _, p := range a.prom {
		if p.name != name || p.typ != "" && p.typ != typ {
			continue
		}
		switch {
		case p.column < 0:
		case p.column == metric.AppDecrements && typ != metric.AppTypeCounter,
			p.column != metric.AppDecrements && !metric.IsAppHistogram(typ):
			continue // the name has the suffix by chance
		}
		a.seen = true
		if p.column == column || p.column < 0 && column == plain {
			return true
		}
	}
	return false
}

// columns returns the columns that the name may stand for.
func (a *appSelector) columns() []column {
	var found []column
	for _, c := range []int{metric.AppValue, metric.AppDecrements, metric.AppCount, metric.AppSum} {
		named := func(p promMeaning) bool { return p.column == c }
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

// appLabels returns the labels of a series that a task sends: its origin, and those
// that it has in the Prometheus exposition (prom.AppLabels). Its type is "__type__".
func appLabels(agent string, row, parent *frame.Row) map[string]string {
	labels := map[string]string{"agent_id": agent}
	if parent != nil {
		for _, l := range parent.Labels {
			labels[l.Name] = l.Value
		}
		labels["cgroup"] = parent.Key
	} else { // a sender without a row: its labels are on the series
		for _, l := range row.Labels {
			if l.Name != "type" && !metric.IsTagLabel(l.Name) {
				labels[l.Name] = l.Value
			}
		}
	}
	for _, l := range prom.AppLabels(row) {
		labels[l.Name] = l.Value
	}
	if s := metric.AppTypeName(row.Label("type")); s != "" {
		labels["__type__"] = s
	}
	return labels
}
