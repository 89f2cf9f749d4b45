package series

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// counts is the ledger of one origin in one worker, by the columns of Statsd.
type counts [metric.StatsdRejectedPanic + 1]uint64

func (c *counts) add(o *counts) {
	for i, n := range o {
		c[i] += n
	}
}

// columns is the column in which a rejected line is counted, by reason.
var columns = [line.Reasons]int{
	line.EmptyValue:      metric.StatsdRejectedEmpty,
	line.BadName:         metric.StatsdRejectedName,
	line.BadValue:        metric.StatsdRejectedValue,
	line.BadType:         metric.StatsdRejectedType,
	line.BadRate:         metric.StatsdRejectedRate,
	line.BadTimestamp:    metric.StatsdRejectedTimestamp,
	line.BadTags:         metric.StatsdRejectedTags,
	line.TooLong:         metric.StatsdRejectedTooLong,
	line.BadEvent:        metric.StatsdRejectedEvent,
	line.BadServiceCheck: metric.StatsdRejectedServiceCheck,
	line.BadSyntax:       metric.StatsdRejectedSyntax,
	line.Panic:           metric.StatsdRejectedPanic,
}

// of returns the worker's ledger of an origin.
func (w *Worker) of(origin uint32) *counts {
	if int(origin) < len(w.counts) {
		if c := w.counts[origin]; c != nil {
			return c
		}
	}
	if origin > maxOrigin {
		origin = 0
	}
	for int(origin) >= len(w.counts) {
		w.counts = append(w.counts, nil)
	}
	if w.counts[origin] == nil {
		w.counts[origin] = new(counts)
	}
	return w.counts[origin]
}

// Reject counts a rejected line. It logs at most one of them per second.
func (w *Worker) Reject(origin uint32, r line.Reason, text []byte, now int64) {
	c := w.of(origin)
	c[metric.StatsdReceived]++
	c[columns[r]]++
	w.s.sampleLog(origin, r, text, now)
}

func (s *Store) sampleLog(origin uint32, r line.Reason, text []byte, now int64) {
	next := s.logNext.Load()
	if now < next && now > next-int64(2*logInterval) || !s.logNext.CompareAndSwap(next, now+int64(logInterval)) {
		s.logMuted.Add(1)
		return
	}
	const most = 200
	if len(text) > most {
		text = text[:most]
	}
	s.o.Log.Warn("statsd: a line is rejected", "reason", r.String(), "from", s.key(origin),
		"line", string(text), "not_logged", s.logMuted.Swap(0))
}

func (s *Store) key(origin uint32) string {
	if s.o.Key != nil {
		if k := s.o.Key(origin); k != "" {
			return k
		}
	}
	return defaultKey(origin)
}

// Totals is a ledger by the columns of Statsd, without the number of series.
type Totals [metric.StatsdRejectedPanic + 1]uint64

// Totals returns the sum of all ledgers. It must not be called concurrently with Flush.
func (s *Store) Totals() Totals {
	var sum counts
	for _, w := range s.workers {
		w.mu.Lock()
		for _, c := range w.counts {
			if c != nil {
				sum.add(c)
			}
		}
		w.mu.Unlock()
	}
	sum.add(&s.ledgers.retired)
	return Totals(sum)
}
