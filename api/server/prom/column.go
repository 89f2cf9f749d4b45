package prom

import (
	"math"
	"slices"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Column is a column of the catalogue as samples show it.
type Column struct {
	Metric *metric.Metric
	Less   *metric.Metric        // subtracted from Metric, nil for nothing
	Labels string                // fixed ones, without braces
	Rows   func(*frame.Row) bool // reports whether a row has the column, nil for all of its kind

	form    form
	zero    bool                    // a limit that is not set is shown as 0
	convert func(row []int64) int64 // of a row with this column only, nil for the value as it is stored
}

// NativeColumn returns a column in the unit of its native name.
func NativeColumn(m *metric.Metric) Column { return Column{Metric: m, form: unitForm(m.Unit)} }

// Columns returns the columns of a family of an agent's tick. With labels it
// returns those with these fixed labels only. It returns nil for an unknown family.
func Columns(name, labels string) []Column {
	i := slices.IndexFunc(families, func(f family) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	var found []Column
	for _, s := range families[i].samples {
		if s.tick || s.long && s.kind == metric.Host || labels != "" && labels != s.labels {
			continue
		}
		columns := metric.Columns(s.kind)
		c := Column{Metric: &columns[s.column], Labels: s.labels, Rows: s.only, form: s.form, zero: s.zero}
		switch name {
		case "container_memory_working_set_bytes":
			c.Metric, c.Less = &columns[metric.MemCurrent], &columns[metric.StatInactiveFile]
		case "container_spec_cpu_shares": // of v1, or v2's weight on their scale: a cgroup has one of them
			weight := c
			weight.Metric, weight.convert = &columns[metric.CPUWeight], cpuShares
			found = append(found, weight)
		case "container_spec_memory_swap_limit_bytes":
			both := c
			both.Metric = &columns[metric.MemSWMax]
			found = append(found, both)
		}
		found = append(found, c)
	}
	return found
}

// Value returns a stored value as it is shown. A limit that is not set is
// infinite, or 0 in the families where cAdvisor has it so.
func (c *Column) Value(v int64) float64 {
	switch {
	case metric.IsUnlimited(v) && c.zero:
		return 0
	case v == metric.Unlimited:
		return math.Inf(1)
	case c.convert != nil:
		row := absentRow(c.Metric.Kind)
		row[c.Metric.Column] = v
		v = c.convert(row)
	}
	return c.form.value(v)
}

// Rise returns by how much a value changed, as it is shown.
func (c *Column) Rise(from, to int64) float64 {
	if c.form == formFloat {
		return c.form.value(to) - c.form.value(from)
	}
	return c.form.value(to - from)
}

// Unit returns the unit of Value.
func (c *Column) Unit() string {
	if c.form == formMicro {
		return "microseconds"
	}
	return c.Metric.Unit.String()
}

// absentRow returns a row of which nothing is known.
func absentRow(k metric.Kind) []int64 {
	row := make([]int64, metric.Width(k))
	for i := range row {
		row[i] = metric.Absent
	}
	return row
}
