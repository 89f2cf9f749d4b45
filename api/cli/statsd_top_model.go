package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// unknownSender stands for the container of a sender that is not known. The
// console says the same.
const unknownSender = "(unknown)"

// sentModel is what statsd top shows, apart from how.
type sentModel struct {
	options sentOptions
	answer  *v1.StatsD
	time    time.Time // of the answer's newest tick
	failure error     // of the newest question, nil if it was answered
	filter  string
	typing  bool // the filter is being typed
	help    bool
	paused  bool
	offset  int // first row on the screen
	page    int // rows on the screen
}

func (m *sentModel) question() sentOptions { return m.options }

// askAnew: the relay sorts, as it knows rows beyond the limit.
func (m *sentModel) askAnew(before sentOptions) bool { return m.options.sort != before.sort }

func (m *sentModel) answered(s *v1.StatsD, err error) {
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

func (m *sentModel) pace() (time.Duration, int, bool) {
	return m.options.interval, m.options.times, m.paused
}

// table is all rows as plain text.
func (m *sentModel) table() *table {
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
			t.row(s.Name, s.Type, cmp.Or(s.Container, unknownSender), perSecond(s.Rate), plainCount(s.Series), plainCount(s.Samples))
		}
	}
	return &t
}

func (m *sentModel) containerTable() *table {
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
		t.row(cmp.Or(l.Name, l.Cgroup, unknownSender), perSecond(l.Rate), plainCount(l.Series), plainCount(l.Received), plainCount(l.Rejected),
			plainCount(l.Shed), plainCount(l.Overflowed), plainCount(l.TypeConflicts))
	}
	return &t
}

// shows tells whether the filter lets a row pass.
func (m *sentModel) shows(words ...string) bool {
	f := strings.ToLower(m.filter)
	return f == "" || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(w), f) })
}

// total adds up the ledgers of all agents.
func (m *sentModel) total() v1.Ledger {
	var sum v1.Ledger
	for _, l := range m.answer.Ledgers {
		if !l.All {
			continue
		}
		sum.Received, sum.Accepted, sum.Rejected, sum.Shed = sum.Received+l.Received, sum.Accepted+l.Accepted, sum.Rejected+l.Rejected, sum.Shed+l.Shed
		sum.Series, sum.KernelDrops = sum.Series+l.Series, sum.KernelDrops+l.KernelDrops
		if l.Rate != nil {
			if sum.Rate == nil {
				sum.Rate = new(float64)
			}
			*sum.Rate += *l.Rate
		}
	}
	return sum
}
