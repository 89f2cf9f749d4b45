package host

import (
	"log/slog"
	"time"
)

// hangLog logs which filesystems do not answer: one line at most in hangLogEvery,
// however many there are and however often they come and go.
type hangLog struct {
	log     *slog.Logger
	changed bool      // since the last line
	next    time.Time // when there may be another line
}

const (
	hangLogEvery = time.Minute
	hangLogPaths = 5 // mount points named in a line
)

func (l *hangLog) update(mounts []*mount, now time.Time) {
	for _, m := range mounts {
		if hangs := m.hangs(now); hangs != m.reported {
			m.reported, l.changed = hangs, true
		}
	}
	if !l.changed || now.Before(l.next) {
		return
	}
	l.changed, l.next = false, now.Add(hangLogEvery)
	var paths []string
	count := 0
	for _, m := range mounts {
		if !m.reported {
			continue
		}
		if count++; count <= hangLogPaths {
			paths = append(paths, valid(m.spec.point)+" ("+valid(m.spec.fsType)+")")
		}
	}
	if count == 0 {
		l.log.Info("every filesystem answers again")
		return
	}
	l.log.Warn("filesystems do not answer: their values are absent", "count", count, "path", paths)
}
