package cgroups

import (
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// starts knows when each group was started: the start of the oldest process in it
// or below it, as it was when a process was first seen there. The kernel itself
// does not keep when a cgroup was made: the times of its directory are those of an
// inode, which is made anew whenever it has left memory.
//
// The BPF walk tells when the oldest task of a group started. Where it does not,
// a startFinder asks /proc, which may take its time.
type starts struct {
	clock  bootClock
	find   func(path string) *Group // in the last Snapshot
	finder *startFinder

	gen     uint64 // Snapshot.Gen that the lists below are of
	made    bool
	unknown []int32 // rows of groups without a start
	seconds []int64 // by row: what is shown
}

func newStarts(l *Layout, find func(string) *Group) *starts {
	return &starts{clock: newBootClock(), find: find, finder: newStartFinder(l)}
}

// update fills the column of starts. oldest tells when the oldest task of a row
// started, in nanoseconds since boot, 0 if there is none; it is nil where BPF does
// not tell.
func (st *starts) update(s *Snapshot, oldest func(row int) uint64) {
	if !st.made || st.gen != s.Gen {
		st.relink(s)
	}
	if len(st.unknown) > 0 {
		st.clock.update()
		noted := false
		if oldest != nil {
			for _, row := range st.unknown {
				if since := oldest(int(row)); since > 0 {
					noted = st.note(s.Groups[row], int64(since)) || noted
				}
			}
		} else {
			noted = st.ask(s)
		}
		if noted {
			st.relink(s)
		}
	}
	for i, v := range st.seconds {
		s.Row(i)[metric.Created] = v
	}
}

// relink lists what is known of the groups of s.
func (st *starts) relink(s *Snapshot) {
	st.made, st.gen = true, s.Gen
	st.unknown, st.seconds = st.unknown[:0], st.seconds[:0]
	for i, g := range s.Groups {
		v := metric.Absent
		switch {
		case g.Path == "/":
			v = st.clock.boot / 1e9
		case g.started == 0:
			st.unknown = append(st.unknown, int32(i))
		default:
			v = g.started / 1e9
		}
		st.seconds = append(st.seconds, v)
	}
}

// note notes a start, in nanoseconds since boot, of a group and of those above it
// that have none or a later one. It reports whether there was anything to note.
func (st *starts) note(g *Group, since int64) (noted bool) {
	at := st.clock.boot + since
	for path := g.Path; g == nil || g.started == 0 || at < g.started; g = st.find(path) {
		if g != nil {
			g.started, noted = at, true
		}
		path = path[:strings.LastIndexByte(path, '/')]
		if path == "" {
			break
		}
	}
	return noted
}

// ask has the finder look at groups that have processes, and notes what it found.
func (st *starts) ask(s *Snapshot) (noted bool) {
	for _, row := range st.unknown {
		if s.Row(int(row))[metric.Threads] > 0 {
			st.finder.want(s.Groups[row])
		}
	}
	for _, f := range st.finder.round() {
		if f.since > 0 {
			noted = st.note(f.group, f.since) || noted
		}
	}
	return noted
}

func (st *starts) close() { st.finder.close() }
