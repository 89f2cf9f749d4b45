package cgroups

import (
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// starts holds the start of each group. That is when the oldest process in the group
// or below it started, at the time when a process was first seen there. The kernel
// does not store when a cgroup was made: the times of its directory are those of
// the inode, which the kernel makes anew after it has dropped it from memory.
//
// The BPF walk reads when the oldest task of a group started. Without the walk, a
// startFinder reads that from /proc, which may take several ticks.
type starts struct {
	clock  bootClock
	find   func(path string) *Group // finds a group of the last Snapshot
	finder *startFinder

	gen     uint64  // Snapshot.Gen for which the lists below were made
	made    bool    // the lists were made
	unknown []int32 // rows of groups without a start
	seconds []int64 // by row: Unix seconds to show, or metric.Absent
}

func newStarts(l *Layout, find func(string) *Group) *starts {
	return &starts{clock: newBootClock(), find: find, finder: newStartFinder(l)}
}

// update fills the column metric.Created. oldest returns when the oldest task of the
// group in a row started, in nanoseconds since boot, 0 if there is none. It is nil
// if BPF does not read the tasks.
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

// relink makes the lists for the groups of s.
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

// note sets the start of a group, and of its ancestors as far as they have none or a
// later one. since is in nanoseconds since boot. It reports whether any was set.
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

// ask queues the groups that have tasks for the finder, and sets the starts that it
// has found. It reports whether any was set.
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
