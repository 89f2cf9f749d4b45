package prom

import (
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// form is how a stored integer is written as a sample.
type form uint8

const (
	formInt   form = iota
	formNano       // billionths, as a decimal fraction
	formMilli      // thousandths, as a decimal fraction
	formMicro      // nanoseconds, as whole microseconds
	formFloat      // the bits of a float64
)

// value converts a stored integer to the unit it is shown in.
func (f form) value(v int64) float64 {
	switch f {
	case formNano:
		return float64(v) / 1e9
	case formMilli, formMicro:
		return float64(v) / 1e3
	case formFloat:
		return metric.ToFloat(v)
	}
	return float64(v)
}

// sample is one column of one kind in a family.
type sample struct {
	kind   metric.Kind
	column int
	get    func(row []int64) int64 // instead of column, for a derived value
	labels string                  // fixed labels, without braces
	form   form
	zero   bool // a limit that is not set is shown as 0, as cAdvisor does; else as +Inf
	long   bool // has the long labels of the row: see rowLabels
	tick   bool // the value is the time of the tick

	machine bool // of Host: has the labels of metric.MachineLabels

	only func(*frame.Row) bool // reports whether a row has the sample, nil for all rows
}

// family is all samples of one name.
type family struct {
	name    string
	help    string
	typ     string // "counter", "gauge", "untyped"
	samples []sample
}

// families are all families of a tick, in the order of the exposition.
var families = buildFamilies()

// buildFamilies makes the families of the catalogue and the derived ones.
func buildFamilies() []family {
	var families []family
	index := map[string]int{}
	add := func(name, help, typ string, s sample) {
		i, ok := index[name]
		if !ok {
			i = len(families)
			index[name] = i
			families = append(families, family{name: name, help: help, typ: typ})
		}
		families[i].samples = append(families[i].samples, s)
	}
	for k := metric.Host; k <= metric.MaxKind; k++ {
		if k == metric.App || k == metric.Event {
			continue // tasks name the families of App, see appPlan; events are no samples
		}
		for _, m := range metric.Columns(k) {
			if m.Prom == "" {
				continue
			}
			name, labels := metric.SplitProm(m.Prom)
			s := sample{kind: k, column: m.Column, labels: labels, form: unitForm(m.Unit)}
			special(name, &s)
			if k == metric.Statsd { // the row of all senders is the node's
				one := s
				s.only, one.only = ofAll, ofOne
				add("container"+strings.TrimPrefix(name, "daytwo"), m.Help, typeOf(name, m.Type), one)
			}
			add(name, m.Help, typeOf(name, m.Type), s)
		}
		for _, d := range derived {
			if d.kind == k {
				add(d.name, d.help, d.typ, d.sample)
			}
		}
	}
	return families
}

// ofAll reports whether a row of the ledger is that of all senders together, ofOne
// whether it is that of one sender. Each has a family of its own, so that a sum
// counts nothing twice.
func ofAll(r *frame.Row) bool { return r.Key == "" }
func ofOne(r *frame.Row) bool { return r.Key != "" }

func unitForm(u metric.Unit) form {
	switch u {
	case metric.Nanoseconds:
		return formNano
	case metric.Milli:
		return formMilli
	case metric.Float:
		return formFloat
	}
	return formInt
}

// typeOf returns the type of a family. node_exporter does not distinguish counters
// from gauges in vmstat and netstat: they are untyped.
func typeOf(name string, t metric.Type) string {
	if strings.HasPrefix(name, "node_vmstat_") || strings.HasPrefix(name, "node_netstat_") {
		return "untyped"
	}
	return t.String()
}

// special changes the samples that cAdvisor does not expose as the column stands.
func special(name string, s *sample) {
	switch name {
	case "container_cpu_usage_seconds_total":
		s.labels = `cpu="total"`
	case "container_spec_cpu_quota":
		s.form, s.get = formMicro, ifQuota(metric.CPUQuota)
	case "container_spec_cpu_period":
		s.form = formMicro
	case "container_spec_cpu_shares":
		s.get = cpuShares
	case "container_spec_memory_swap_limit_bytes":
		s.get = swapLimit
	case "container_spec_memory_reservation_limit_bytes":
		s.get = reservation
	}
	s.zero = isLimit(name)
	s.machine = s.kind == metric.Host && strings.HasPrefix(name, "machine_cpu_")
	if strings.HasPrefix(name, "container_cpu_cfs_") {
		// cAdvisor exposes these for cgroups with a quota only.
		s.get = ifQuota(s.column)
	}
}

// isLimit reports whether a family of a container shows a limit. The rule for all
// of them is cAdvisor's: one that is not set is 0 (specMemoryValue, and the help of
// container_threads_max), and a CPU quota that is not set has no sample (ifQuota).
// The root cgroup's limits of memory and swap are what the machine has.
func isLimit(name string) bool {
	return strings.HasPrefix(name, "container_spec_memory_") || name == "container_threads_max" ||
		strings.HasPrefix(name, "container_hugetlb_") && strings.HasSuffix(name, "limit_bytes")
}
