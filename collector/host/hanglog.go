package host

import (
	"log/slog"
	"time"
)

// hangLog logs which filesystems do not answer. It logs at most one line per
// hangLogEvery, regardless of how many filesystems hang and how often that changes.
type hangLog struct {
	log     *slog.Logger
	changed bool      // the set of hanging filesystems has changed since the last line
	next    time.Time // the earliest time of the next line
}

const (
	hangLogEvery = time.Minute
	hangLogPaths = 5 // most mount points named in a line
)

// update logs a line if the set of hanging filesystems has changed and a line is
// allowed at the time now.

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
