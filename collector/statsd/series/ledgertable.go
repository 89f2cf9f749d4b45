package series

import (
	"strconv"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// ledgerTable is the Statsd table that Flush returns. It is reused for every tick.
type ledgerTable struct {
	gen     uint64
	lastID  uint64
	rows    []*frame.Row // [0] is the total
	vals    []int64
	sums    []counts // by origin
	seen    []bool   // by origin: it has sent something
	byID    []*frame.Row
	retired counts // sum of the ledgers of containers that are gone
}

func defaultKey(origin uint32) string {
	if origin == 0 {
		return "unknown"
	}
	return strconv.FormatUint(uint64(origin), 10)
}

// showLedgers makes the Statsd table from what collect found. expired says which origins
// are no longer shown.
func (s *Store) showLedgers(total counts, expired []bool) frame.Table {
	t := &s.ledgers
	was := t.rows
	t.rows, t.vals = t.rows[:0], t.vals[:0]
	changed := false
	show := func(row *frame.Row, c *counts, series int) {
		n := len(t.rows)
		changed = changed || n >= len(was) || was[n] != row
		t.rows = append(t.rows, row)
		for _, v := range c {
			t.vals = append(t.vals, int64(v))
		}
		t.vals[n*metric.Width(metric.Statsd)+metric.StatsdSeries] = int64(series)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(was) == 0 {
		t.lastID++
		show(&frame.Row{ID: t.lastID}, &total, s.series)
	} else {
		show(was[0], &total, s.series)
	}
	for i := range t.sums {
		if !t.seen[i] || i < len(expired) && expired[i] {
			t.byID[i] = nil
			continue
		}
		parent, series := s.origins[i].parent, s.origins[i].series
		if r := t.byID[i]; r == nil || r.Parent != parent {
			t.lastID++
			t.byID[i] = &frame.Row{ID: t.lastID, Parent: parent, Key: s.key(uint32(i))}
			if parent == 0 {
				t.byID[i].Labels = s.identity(uint32(i))
			}
		}
		show(t.byID[i], &t.sums[i], series)
	}
	if changed || len(t.rows) != len(was) {
		t.gen++
	}
	return frame.Table{Kind: metric.Statsd, Gen: t.gen, Rows: t.rows, Vals: t.vals}
}

// collect sums up the workers' counts by origin, and returns the sum over all origins.
func (s *Store) collect(at int64) counts {
	t := &s.ledgers
	for i := range t.sums {
		t.sums[i], t.seen[i] = counts{}, false
	}
	total := t.retired
	for _, w := range s.workers {
		t.collect(w, &total)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, seen := range t.seen {
		if !seen {
			continue
		}
		n := t.sums[i][metric.StatsdReceived] + t.sums[i][metric.StatsdKernelDrops]
		if o := s.of(uint32(i)); o.heard != n {
			o.heard, o.active = n, at
		}
	}
	return total
}

// collect adds the counts of one worker.
func (t *ledgerTable) collect(w *Worker, total *counts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(t.sums) < len(w.counts) {
		t.sums, t.seen, t.byID = append(t.sums, counts{}), append(t.seen, false), append(t.byID, nil)
	}
	for i, c := range w.counts {
		if c != nil {
			t.seen[i] = true
			t.sums[i].add(c)
			total.add(c)
		}
	}
}
