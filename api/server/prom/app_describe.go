package prom

import "github.com/daytwo/daytwo/api/metric"

// mixedHelp is the HELP of a family of several types.
const mixedHelp = "Sent by tasks as several types, by StatsD: see the label " + typeLabel + "."

// describe sets HELP and TYPE. They are the only things that depend on what other
// series there are.
func (f *appFamily) describe(of []*appRows) {
	for i, n := range f.numbers {
		help, typ := describeNumber(of[n.source].types[n.row], n.column)
		if i == 0 {
			f.help, f.typ = help, typ
		}
		if help != f.help {
			f.help = mixedHelp
		}
		if typ != f.typ {
			f.typ = "untyped"
		}
	}
	if len(f.parts) > 0 {
		f.help, f.typ = mixedHelp, "untyped"
	}
	for i, ref := range f.histograms {
		help := describeHistogram(of[ref.source].types[ref.row])
		if i == 0 {
			f.histogramHelp = help
		}
		if help != f.histogramHelp {
			f.histogramHelp = mixedHelp
		}
	}
}

// describeNumber returns the HELP and the TYPE of a column of a type.
func describeNumber(typ string, column int) (help, promType string) {
	switch {
	case column == metric.AppDecrements:
		return "Sum of the decrements of a counter of tasks, by StatsD.", "counter"
	case typ == metric.AppTypeCounter:
		return "Counter of tasks, by StatsD.", "counter"
	case typ == metric.AppTypeSet:
		return "Distinct members of a set of tasks within a minute, by StatsD.", "gauge"
	case typ == metric.AppTypeCheck:
		return "Service check of tasks: 0 ok, 1 warning, 2 critical, 3 unknown, by StatsD.", "gauge"
	}
	return "Gauge of tasks, by StatsD.", "gauge"
}

func describeHistogram(typ string) (help string) {
	switch typ {
	case metric.AppTypeTimer:
		return "Timer of tasks in milliseconds, as sent, by StatsD."
	case metric.AppTypeDistribution:
		return "Distribution of tasks, by StatsD."
	}
	return "Histogram of tasks, by StatsD."
}
