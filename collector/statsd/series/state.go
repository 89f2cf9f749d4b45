package series

import (
	"math"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// state is the aggregate of one series. It is small, because there may be a million.
// Data that only some series need is in more.
type state struct {
	key     uint64
	value   float64 // counter: sum of the positive values; gauge: last value; check: last status
	samples uint64
	updated int64 // when the last sample happened, see happened
	row     *frame.Row
	more    *more
	ident   uint32 // origin and type
	seen    uint32 // arrival of the last sample, Unix seconds
}

// more is what only histograms, sets and counters with negative values need.
type more struct {
	decrements float64

	hist     sketch.Histogram
	shown    *sketch.Histogram // as of the last flush; the tick owns it
	min, max float64           // in this tick
	ticked   bool              // min and max are set

	set, before sketch.Set  // members in the current minute and in the previous one
	minute      int64       // number of the current minute since 1970
	shownSet    *sketch.Set // the larger of both as of the last flush; the tick owns it
}

// maxOrigin is the largest number of an origin.
const maxOrigin = 1<<24 - 1

func ident(origin uint32, typ byte) uint32 { return origin<<8 | uint32(typ) }

func (s *state) origin() uint32 { return s.ident >> 8 }
func (s *state) typ() byte      { return byte(s.ident) }

func (s *state) extra() *more {
	if s.more == nil {
		s.more = new(more)
	}
	return s.more
}

// add aggregates the values of a line. now is the arrival, in Unix nanoseconds.
func (s *state) add(p *line.Parser, l *line.Line, now int64) {
	s.seen = uint32(now / 1e9)
	s.updated = happened(l, now)
	s.samples += uint64(l.N)
	if l.Type == 's' {
		m := s.extra()
		m.turn(now)
		m.set.AddBytes(l.Values)
		return
	}
	s.sample(l.Type, l.Value, l.Delta, l.Rate)
	if l.N > 1 {
		_, _, rest, _ := p.NextValue(l, l.Values)
		for range l.N - 1 {
			var v float64
			var delta bool
			v, delta, rest, _ = p.NextValue(l, rest)
			s.sample(l.Type, v, delta, l.Rate)
		}
	}
}

func (s *state) sample(typ byte, v float64, delta bool, rate float64) {
	switch typ {
	case 'c':
		if rate != 1 {
			v /= rate
		}
		if v < 0 {
			m := s.extra()
			m.decrements = finite(m.decrements - v)
		} else {
			s.value = finite(s.value + v)
		}
	case 'g':
		if delta {
			v = finite(s.value + v)
		}
		s.value = v
	default:
		m := s.extra()
		m.hist.Insert(v, 1/rate)
		if !m.ticked {
			m.ticked, m.min, m.max = true, v, v
		}
		m.min, m.max = min(m.min, v), max(m.max, v)
	}
}

// finite limits a sum to finite numbers.
func finite(v float64) float64 {
	return max(min(v, math.MaxFloat64), -math.MaxFloat64)
}

// turn starts a new minute of a set if a minute has passed.
func (m *more) turn(now int64) {
	minute := now / 60e9
	if minute == m.minute {
		return
	}
	if minute == m.minute+1 {
		m.set, m.before = m.before, m.set
	} else {
		m.before.Reset()
	}
	m.set.Reset()
	m.minute = minute
}

// fill writes the columns of App to v. at is the tick's time. skew is added to times to
// get wall clock time. Both are in nanoseconds.
func (s *state) fill(v []int64, at, skew int64) {
	for i := range v {
		v[i] = metric.Absent
	}
	v[metric.AppSamples] = int64(s.samples)
	v[metric.AppUpdated] = shown(s.updated, skew) / int64(time.Second) * int64(time.Second)
	switch s.typ() {
	case 'c':
		v[metric.AppValue] = metric.FromFloat(s.value)
		if s.more != nil {
			v[metric.AppDecrements] = metric.FromFloat(s.more.decrements)
		}
	case 'g', typeCheck:
		v[metric.AppValue] = metric.FromFloat(s.value)
	case 's':
		m := s.more
		m.turn(at)
		larger, n := &m.before, m.before.Estimate()
		if now := m.set.Estimate(); now > n {
			larger, n = &m.set, now
		}
		if m.shownSet == nil {
			m.shownSet = new(sketch.Set)
		}
		m.shownSet.CopyFrom(larger)
		v[metric.AppValue] = metric.FromFloat(n)
	default:
		m := s.more
		v[metric.AppCount] = metric.FromFloat(m.hist.Count())
		v[metric.AppSum] = metric.FromFloat(finite(m.hist.Sum()))
		if m.shown == nil {
			m.shown = new(sketch.Histogram)
		}
		if m.ticked {
			v[metric.AppMin], v[metric.AppMax] = metric.FromFloat(m.min), metric.FromFloat(m.max)
			m.shown.CopyFrom(&m.hist)
			m.ticked = false
		}
	}
}
