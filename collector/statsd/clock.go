package statsd

import "time"

// clock gives the time as Unix nanoseconds in two ways: the wall clock's, which may be
// set, and a steady time, which starts at the wall clock's and is never set.
//
// Samples arrive in steady time. So setting the wall clock neither expires a series
// early nor keeps it too long, and the minutes of sets are as long as they should be.
type clock func() (wall, steady int64)

func newClock() clock {
	start := time.Now()
	return func() (wall, steady int64) {
		now := time.Now()
		return now.UnixNano(), start.UnixNano() + int64(now.Sub(start))
	}
}

// settled is the largest difference between the two times that does not mean that the
// wall clock was set. It is not 0, because reading both takes time.
const settled = int64(100 * time.Millisecond)

// steadyTime converts the time of a tick to steady time. It also passes the difference
// between the two clocks to the store.
func (s *Server) steadyTime(at time.Time) time.Time {
	wall, steady := s.clock()
	if d := wall - steady - s.skew; d > settled || d < -settled {
		s.log.Info("the clock was set", "by", time.Duration(d))
		s.skew += d
	}
	s.store.SetSkew(s.skew)
	return at.Add(-time.Duration(s.skew))
}
