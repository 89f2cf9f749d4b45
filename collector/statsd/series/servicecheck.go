package series

import (
	"math"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// typeCheck is the type of the series of a service check.
const typeCheck = 'k'

// statuses are the names of a service check's statuses, and the alert type of the event
// when a check changes to each.
var statuses = [4]struct{ name, alert string }{
	{"ok", "success"}, {"warning", "warning"}, {"critical", "error"}, {"unknown", "info"},
}

// check aggregates a service check. Its last status is a series, and a change of status
// is an event. Rules for the names of metrics do not apply.
func (w *Worker) check(origin uint32, l *line.Line, now int64) (done outcome) {
	s := w.s
	l.Type = typeCheck
	hash := w.form.read(l)
	if len(l.Host) > 0 {
		w.form.tags = append(w.form.tags, tag{name: hostTag, value: valid(l.Host)})
		w.form.normalize()
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

// check sets a series' status. now is the arrival, in Unix nanoseconds.
func (s *state) check(l *line.Line, now int64) {
	s.seen = uint32(now / 1e9)
	s.updated = happened(l, now)
	s.samples++
	s.value = float64(l.Status)
}

// happened returns when a sample, an event or a check happened, in Unix nanoseconds: its
// arrival in steady time or, as a negative number, the wall clock time that it states.
// See shown.
func happened(l *line.Line, now int64) int64 {
	if l.Timestamp < 1 {
		return now
	}
	return -min(l.Timestamp, math.MaxInt64/1_000_000_000) * 1_000_000_000
}

// shown converts a result of happened to wall clock time. skew is wall clock minus
// steady time.
func shown(when, skew int64) int64 {
	if when < 0 {
		return -when
	}
	return when + skew
}
