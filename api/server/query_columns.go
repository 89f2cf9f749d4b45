package server

import (
	"math"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

// column is one column asked for, by its native name or by a Prometheus name,
// whose values it then has.
type column struct {
	m       *metric.Metric
	less    *metric.Metric          // subtracted, nil for nothing
	convert func(row []int64) int64 // of a row with this column only, nil for the value as it stands
	prom    string                  // Prometheus name, if it was asked for by that
	labels  string                  // fixed ones, with prom
	form    form
	zero    bool                  // a limit that is not set is shown as 0
	rows    func(*frame.Row) bool // which rows have it, nil for all of its kind
}

// shown is a stored value as it is shown; a limit that is not set is infinite,
// or 0 by the Prometheus names where cAdvisor has it so.
func (c *column) shown(v int64) float64 {
	switch {
	case unlimited(v) && c.zero:
		return 0
	case v == metric.Unlimited:
		return math.Inf(1)
	case c.convert != nil:
		row := absentRow(c.m.Kind)
		row[c.m.Column] = v
		v = c.convert(row)
	}
	return c.form.value(v)
}

func (c *column) unit() string {
	if c.form == formMicro {
		return "microseconds"
	}
	return c.m.Unit.String()
}

// value converts a stored integer to the unit it is shown in.
func (f form) value(v int64) float64 {
	switch f {
	case formNano:
		return float64(v) / 1e9
	case formMilli, formMicro:
		return float64(v) / 1e3
	case formFloat:
		return math.Float64frombits(uint64(v))
	}
	return float64(v)
}

// absentRow is a row in which nothing is known.
func absentRow(k metric.Kind) []int64 {
	row := make([]int64, metric.Width(k))
	for i := range row {
		row[i] = metric.Absent
	}
	return row
}

// findColumns finds what a metric's name means: a native name, with its kind
// before it or not, or a Prometheus name, with fixed labels or not. None at all
// may be a metric of tasks.
func findColumns(name string) ([]column, error) {
	if name == "" {
		return nil, badRequest("metric is missing: give a native name as container.cpu.usage, or a Prometheus name")
	}
	var native []column
	for k := metric.Host; k <= metric.MaxKind; k++ {
		for i := range metric.Columns(k) {
			m := &metric.Columns(k)[i]
			if m.Name == name || k.String()+"."+m.Name == name {
				native = append(native, column{m: m, form: unitForm(m.Unit)})
			}
		}
	}
	if len(native) > 1 {
		var names []string
		for _, c := range native {
			names = append(names, c.m.Kind.String()+"."+c.m.Name)
		}
		slices.Sort(names)
		return nil, badRequest("metric %q is ambiguous: ask for %s", name, strings.Join(names, " or "))
	}
	found := native
	if len(found) == 0 {
		found = promColumns(metric.SplitProm(name))
	}
	return found, nil
}

func unknownMetric(name string) error {
	return badRequest("unknown metric %q: give a native name as container.cpu.usage, a Prometheus name that /fleet/metrics has, or app: and a name that a task sends", name)
}

// promColumns finds the columns of a Prometheus family, those with the fixed
// labels if there are any.
func promColumns(name, labels string) []column {
	i := slices.IndexFunc(promFamilies, func(f promFamily) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	var found []column
	for _, s := range promFamilies[i].samples {
		if s.tick || s.long && s.kind == metric.Host || labels != "" && labels != s.labels {
			continue
		}
		c := column{m: &metric.Columns(s.kind)[s.column], prom: name, labels: s.labels, form: s.form, zero: s.zero, rows: s.only}
		switch name {
		case "container_memory_working_set_bytes":
			c.m, c.less = &metric.Columns(s.kind)[metric.MemCurrent], &metric.Columns(s.kind)[metric.StatInactiveFile]
		case "container_spec_cpu_shares": // of v1, or v2's weight on their scale: a cgroup has one of them
			weight := c
			weight.m, weight.convert = &metric.Columns(s.kind)[metric.CPUWeight], cpuShares
			found = append(found, weight)
		case "container_spec_memory_swap_limit_bytes":
			both := c
			both.m = &metric.Columns(s.kind)[metric.MemSWMax]
			found = append(found, both)
		}
		found = append(found, c)
	}
	return found
}

// subtract takes the points of one column from those of another where both
// have one; the result is never negative.
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
