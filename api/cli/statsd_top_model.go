package cli

import (
	"cmp"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// unknownSender is printed for the container of an unknown sender, as in the console.
const unknownSender = "(unknown)"

// statsdTopModel is the state of statsd top.
type statsdTopModel struct {
	liveScreen
	options statsdTopOptions
	answer  *v1.StatsD
	time    time.Time // of the answer's newest tick
}

func (m *statsdTopModel) query() statsdTopOptions { return m.options }

// queryChanged compares the order, as the relay sorts: it knows all rows.
func (m *statsdTopModel) queryChanged(before statsdTopOptions) bool {
	return m.options.sort != before.sort
}

func (m *statsdTopModel) answered(s *v1.StatsD, err error) {
	if m.failure = err; err != nil {
		return
	}
	m.answer = s
	for _, l := range s.Ledgers {
		if l.Time.After(m.time) {
			m.time = l.Time
		}
	}
}

func (m *statsdTopModel) pace() (time.Duration, int, bool) {
	return m.options.refresh.interval, m.options.refresh.times, m.paused
}

// table returns all rows as text.
func (m *statsdTopModel) table() *table {
	if m.options.containers {
		return m.containerTable()
	}
	var t table
	t.header("METRIC", "TYPE", "CONTAINER", ">SAMPLES/s", ">SERIES", ">SAMPLES")
	if m.answer == nil {
		return &t
	}
	for i := range m.answer.Metrics {
		s := &m.answer.Metrics[i]
		if m.shows(s.Name, s.Container, s.ContainerID) {
			t.row(s.Name, s.Type, cmp.Or(s.Container, unknownSender), formatRate(s.Rate), formatInt(s.Series),
				formatInt(s.Samples))
		}
	}
	return &t
}

// containerTable returns a row per container.
func (m *statsdTopModel) containerTable() *table {
	var t table
	t.header("CONTAINER", ">LINES/s", ">SERIES", ">LINES", ">REJECTED", ">SHED", ">OVERFLOWED", ">CONFLICTS")
	if m.answer == nil {
		return &t
	}
	ledgers := slices.DeleteFunc(slices.Clone(m.answer.Ledgers), func(l v1.Ledger) bool {
		return l.All || !m.shows(l.Name, l.ContainerID, l.Cgroup)
	})
	rate := func(l *v1.Ledger) float64 {
		if l.Rate == nil {
			return -1
		}
		return *l.Rate
	}
	slices.SortStableFunc(ledgers, func(a, b v1.Ledger) int {
		switch m.options.sort {
		case "series":
			return cmp.Compare(b.Series, a.Series)
		case "samples":
			return cmp.Compare(b.Received, a.Received)
		}
		return cmp.Compare(rate(&b), rate(&a))
	})
	for _, l := range ledgers {
		t.row(cmp.Or(l.Name, l.Cgroup, unknownSender), formatRate(l.Rate), formatInt(l.Series), formatInt(l.Received),
			formatInt(l.Rejected), formatInt(l.Shed), formatInt(l.Overflowed), formatInt(l.TypeConflicts))
	}
	return &t
}

// total returns the sum of the ledgers of all nodes.
func (m *statsdTopModel) total() v1.Ledger {
	var sum v1.Ledger
	for _, l := range m.answer.Ledgers {
		if !l.All {
			continue
		}
		sum.Received += l.Received
		sum.Accepted += l.Accepted
		sum.Rejected += l.Rejected
		sum.Shed += l.Shed
		sum.Series += l.Series
		sum.KernelDrops += l.KernelDrops
		if l.Rate != nil {
			if sum.Rate == nil {
				sum.Rate = new(float64)
			}
			*sum.Rate += *l.Rate
		}
	}
	return sum
}
