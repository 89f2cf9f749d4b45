package series

import (
	"math"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// typeCheck is the type of a service check's series.
const typeCheck = 'k'

// statuses are the names of a service check's statuses, and of the alert that a
// change to each is.
var statuses = [4]struct{ name, alert string }{{"ok", "success"}, {"warning", "warning"}, {"critical", "error"}, {"unknown", "info"}}

// check takes a service check: its last status is a series, and a status other
// than the one before is an event. Rules for the names of metrics do not apply.
func (w *Worker) check(origin uint32, l *line.Line, now int64) (done outcome) {
	s := w.s
	l.Type = typeCheck
	hash := w.form.read(l)
	if len(l.Host) > 0 {
		w.form.tags = append(w.form.tags, tag{name: hostTag, value: valid(l.Host)})
		w.form.tidy()
		hash = w.form.hash(typeCheck)
	}
	key := mix(hash, origin)
	sh := s.shard(key)
	w.lock(sh)
	st := sh.find(key)
	if st == nil {
		if st = w.admit(sh, key, origin, typeCheck); st == nil {
			w.unlock()
			st, done = w.overflow(origin, typeCheck)
		}
	}
	before, first := st.value, st.samples == 0
	st.check(l, now)
	w.unlock()
	if done == 0 && (first || before != float64(l.Status)) {
		w.of(origin)[metric.StatsdStatusChanges]++
		w.change(origin, l, now, first, statuses[int(before)&3].name)
	}
	return done
}

var hostTag = []byte("host")

// check takes a status. now is its arrival, in Unix nanoseconds.
func (s *state) check(l *line.Line, now int64) {
	s.seen = uint32(now / 1e9)
	s.updated = happened(l, now)
	s.samples++
	s.value = float64(l.Status)
}

// happened is when a sample, an event or a check was, in Unix nanoseconds: its
// arrival, or, as a negative number, what it says itself. See shown.
func happened(l *line.Line, now int64) int64 {
	if l.Timestamp < 1 {
		return now
	}
	return -min(l.Timestamp, math.MaxInt64/1_000_000_000) * 1_000_000_000
}

// shown is the same as the wall clock has it, which is ahead of arrivals' clock.
func shown(when, skew int64) int64 {
	if when < 0 {
		return -when
	}
	return when + skew
}
