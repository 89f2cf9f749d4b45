package journal

import (
	"os"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// looked is what directories were when journal files were looked for last. While none of
// them changes, no file came or went.
type looked struct {
	began time.Time
	// states are by the directories of Options.Dirs, without those that do not respond.
	states     map[string][]dirState
	unfinished bool // a file was just being made
}

// dirState is a directory as it was just before it was listed.
type dirState struct {
	path    string
	key     fileKey // zero: there was none
	changed int64   // nanoseconds since 1970
}

// clockStep is more than what the clock by which filesystems say when something changed
// goes on by at once: two changes within it may have one time.
const clockStep = 20 * time.Millisecond

func stateOf(path string) dirState {
	d := dirState{path: path}
	if info, err := os.Stat(path); err == nil {
		d.key, d.changed = keyOfInfo(info), info.Sys().(*syscall.Stat_t).Mtim.Nano()
	}
	return d
}

// add adds what a look at one directory found, which may have begun before this one.
func (l *looked) add(dir string, of *looked) {
	if of.began.Before(l.began) {
		l.began = of.began
	}
	l.states[dir] = of.states[dir]
	l.unfinished = l.unfinished || of.unfinished
}

// changed reports whether a directory is seen to have changed since it was listed. One
// that does not respond is not.
func (l *looked) changed(calls *bounded.Source) bool {
	now := time.Now()
	for dir, states := range l.states {
		same, err := bounded.Do(calls, "change of "+dir, lookWait, func() (at time.Time, _ error) {
			at = time.Now()
			for _, d := range states {
				if stateOf(d.path) != d {
					return time.Time{}, nil
				}
			}
			return at, nil
		})
		if err == nil && same.Before(now) { // or the answer is a late one, to an earlier call
			return true
		}
	}
	return false
}

// complete reports whether the journal surely knows which files there are now, and has
// opened all of them, but for those that cannot be read.
func (j *Journal) complete() bool {
	l := j.looked.Load()
	if l.unfinished {
		return false
	}
	for _, states := range l.states {
		for _, d := range states {
			// Perhaps it changed once more, at the same time.
			if age := time.Duration(l.began.UnixNano() - d.changed); age.Abs() < clockStep {
				return false
			}
		}
	}
	return !l.changed(j.o.Calls)
}
