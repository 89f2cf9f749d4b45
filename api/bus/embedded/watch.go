package embedded

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// watchEvery is how often the server's health is checked.
const watchEvery = time.Second

// trouble returns the reason why JetStream stores nothing; "" if it does.
func (s *Server) trouble() string {
	switch h := s.srv.Healthz(nil); {
	case !s.srv.Running():
		return "the server is down"
	case !s.srv.JetStreamEnabled():
		return "JetStream is off"
	default:
		return h.Error
	}
}

// watch restarts JetStream once its disk has free space again: after a failed write the
// server refuses all others until it is restarted.
func (s *Server) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	seen := 0 // consecutive checks with trouble; a stream that is being created causes one
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		trouble := s.trouble()
		if trouble == "" {
			seen = 0
			s.down.Store(nil)
			continue
		}
		if seen++; seen == 1 {
			continue
		}
		s.down.Store(new(fmt.Errorf("nothing is stored: %s", trouble)))
		if seen == 2 {
			s.log.Error("nats server: nothing is stored; free space on its disk", "path", s.js.StoreDir, "err", trouble)
		}
		if s.room() {
			s.restart()
		}
	}
}

// room reports whether the disk has enough free space to restart: 5% or 64 MiB.
func (s *Server) room() bool {
	var st unix.Statfs_t
	if err := unix.Statfs(s.js.StoreDir, &st); err != nil {
		return false
	}
	return st.Bavail >= min(st.Blocks/20, 64<<20/uint64(st.Bsize))
}

// restart stops JetStream and starts it again.
func (s *Server) restart() {
	if err := s.srv.ShutdownJetStream(); err != nil {
		s.log.Error("nats server: JetStream cannot be stopped", "err", err)
		return
	}
	cfg := s.js
	if err := s.srv.EnableJetStream(&cfg); err != nil {
		s.log.Error("nats server: JetStream cannot be started again", "err", err)
		return
	}
	s.log.Info("nats server: storing again")
}
