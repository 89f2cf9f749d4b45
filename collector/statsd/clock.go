package statsd

import "time"

// clock tells the time twice, as Unix nanoseconds: as the wall clock shows it, which
// may be set, and steadily, from where the wall clock was at the start.
//
// Arrivals are counted by the steady time: whatever somebody does to the clock, no
// series goes early or stays for ever, and a minute of a set is a minute.
type clock func() (wall, steady int64)

func newClock() clock {
	start := time.Now()
	return func() (wall, steady int64) {
		now := time.Now()
		return now.UnixNano(), start.UnixNano() + int64(now.Sub(start))
	}
}

// settled is how far the two times may move apart before the clock was set: reading
// both takes time.
const settled = int64(100 * time.Millisecond)

// steadyTime is a tick's time by the steady clock. The store learns how far it is
// from the wall clock's.
func (s *Server) steadyTime(at time.Time) time.Time {
	wall, steady := s.clock()
	if d := wall - steady - s.skew; d > settled || d < -settled {
		s.log.Info("the clock was set", "by", time.Duration(d))
		s.skew += d
	}
	s.store.SetSkew(s.skew)
	return at.Add(-time.Duration(s.skew))
}
