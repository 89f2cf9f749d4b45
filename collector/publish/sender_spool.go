package publish

import (
	"errors"
	"time"

	"github.com/daytwo/daytwo/api/lockfile"
)

// openSpool opens the spool, unless it is open or there is none.
func (s *sender) openSpool() error {
	if s.p.opt.SpoolDir == "" || s.spool != nil {
		return nil
	}
	s.enterDisk()
	sp, err := openSpool(s.p.opt.SpoolDir, s.p.opt.SpoolMaxBytes)
	s.leaveDisk()
	if err != nil {
		s.reopen = time.Now().Add(retryAfter)
		if !errors.Is(err, lockfile.ErrInUse) {
			s.p.count.errors.Add(1)
			s.warn("the spool cannot be opened: frames that cannot be sent are lost", err)
		}
		return err
	}
	s.spool = sp
	if sp.pending > 0 {
		s.log.Info("frames of an earlier run are in the spool", "frames", sp.pending, "bytes", sp.bytes)
	}
	return nil
}

func (s *sender) closeSpool() {
	if s.spool == nil {
		return
	}
	s.enterDisk()
	err := s.spool.close()
	s.leaveDisk()
	if err != nil {
		s.log.Warn("the spool could not be closed", "err", err)
	}
	s.spool = nil
}

func (s *sender) spoolEmpty() bool { return s.spool == nil || s.spool.empty() }

// store puts a frame into the spool, or counts it as lost.
func (s *sender) store(it item) {
	defer s.p.queue.release(it.buf)
	if s.spool == nil && s.after == nil && !time.Now().Before(s.reopen) {
		_ = s.openSpool() // it counts and logs errors
	}
	if s.spool == nil {
		s.p.lost(1)
		return
	}
	s.enterDisk()
	err := s.spool.append(it.buf, it.fresh)
	s.leaveDisk()
	if err != nil {
		s.p.count.errors.Add(1)
		s.p.lost(1)
		s.warn("a frame is lost: the spool cannot be written", err)
		return
	}
	s.p.count.spooled.Add(1)
	if s.spool.wantFresh() && !it.fresh {
		s.p.wantKey.Store(true)
	}
}

// publishStats copies the state of spool and window for Stats, and logs when the
// sender begins or stops to use the spool.
func (s *sender) publishStats() {
	c := &s.p.count
	c.inFlight.Store(int64(s.win.n))
	if s.spool == nil {
		return
	}
	c.spoolBytes.Store(s.spool.bytes)
	c.spoolDepth.Store(int64(s.spool.pending))
	if n := s.spool.overflow; n > s.overflow {
		c.dropped.Add(n - s.overflow)
		s.overflow = n
		s.warn("the spool is full: the oldest frames are lost", nil)
	}
	if n := s.spool.corrupt; n > s.corrupt {
		c.corrupt.Add(n - s.corrupt)
		s.corrupt = n
		s.warn("damaged frames in the spool are skipped", nil)
	}
	if spooling := !s.spool.empty(); spooling != s.spooling {
		s.spooling = spooling
		if spooling {
			s.log.Warn("frames go to the spool", "path", s.spool.dir, "connected", s.p.nc.IsConnected())
		} else {
			s.log.Info("the spool is drained")
		}
	}
}

// warn logs a warning, the same one at most once a minute.
func (s *sender) warn(msg string, err error) {
	now := time.Now()
	if last, ok := s.warned[msg]; ok && now.Sub(last) < time.Minute {
		return
	}
	s.warned[msg] = now
	s.log.Warn(msg, "err", err)
}
