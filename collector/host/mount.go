package host

import (
	"math"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/parked"
)

// mountPatience is for how long the last answer of a filesystem is shown while
// the next one is awaited, in addition to the time that the last one took.
const mountPatience = 5 * time.Second

// mount is a filesystem whose row is kept.
type mount struct {
	spec mountSpec
	key  []byte // mount point

	call  parked.Call   // statfs(2)
	path  []byte        // for it: ends with NUL
	reply unix.Statfs_t // of it
	errno unix.Errno    // of it

	answered bool
	shown    unix.Statfs_t // last answer
	failed   unix.Errno    // last answer, 0 if it is in shown
	took     time.Duration // of the last answer
	since    time.Time     // when the answer that is awaited was first asked for; zero if none is
	refused  bool          // it could not be asked for: too many others hang
	reported bool          // as not answering
}

func newMount(spec *mountSpec, prefix string, server *parked.Group) *mount {
	m := &mount{spec: *spec, key: []byte(spec.point), path: cstring(prefix + spec.point)}
	m.call = parked.Call{Run: m.statfs, Group: server, Await: true}
	return m
}

// statfs runs in a goroutine of the pool.
func (m *mount) statfs() { m.errno = statfs(m.path, &m.reply) }

// ask has the filesystem asked again, unless an answer is still awaited.
func (m *mount) ask(p *parked.Pool, now time.Time) {
	m.take()
	if m.since.IsZero() {
		m.since = now
	}
	if m.call.UnderWay() {
		return
	}
	m.refused = !p.Start(&m.call, m.reserve())
}

// reserve is how many calls must be left for filesystems that are less likely
// to hang than this one.
func (m *mount) reserve() int {
	switch {
	case m.spec.local:
		return 0
	case m.answered:
		return callsForLocal
	}
	return callsForLocal + callsForAnswered
}

// take takes the answer, if it is there.
func (m *mount) take() {
	if !m.call.Take() {
		return
	}
	m.answered, m.since = true, time.Time{}
	m.shown, m.failed, m.took = m.reply, m.errno, m.call.Took()
	m.call.Await = m.took <= answerWait
}

// settle decides what to show once the tick has waited for answers.
func (m *mount) settle() {
	if m.take(); m.call.UnderWay() {
		m.call.Await = false // the next tick does not wait for it
	}
}

// error says why there are no values to show, 0 if there are.
func (m *mount) error(now time.Time) unix.Errno {
	switch {
	case m.answered && (m.since.IsZero() || now.Sub(m.since) <= mountPatience+m.took):
		return m.failed
	case m.refused:
		return unix.EAGAIN
	}
	return unix.ETIMEDOUT
}

// hangs reports whether the answer is overdue.
func (m *mount) hangs(now time.Time) bool {
	return !m.since.IsZero() && now.Sub(m.since) > mountPatience+m.took
}

// fill writes the last answer of statfs(2) into a row.
func (m *mount) fill(v []int64, now time.Time) {
	v[metric.FSDeviceError] = 1
	if m.error(now) != 0 {
		return
	}
	v[metric.FSDeviceError] = 0
	v[metric.FSReadOnly] = 0
	if m.shown.Flags&unix.ST_RDONLY != 0 || m.spec.readOnly {
		v[metric.FSReadOnly] = 1
	}
	block := int64(m.shown.Frsize) // what blocks are counted in; Bsize is but the best size for io
	if block <= 0 {
		block = int64(m.shown.Bsize)
	}
	v[metric.FSSize] = times(m.shown.Blocks, block)
	v[metric.FSFree] = times(m.shown.Bfree, block)
	v[metric.FSAvail] = times(m.shown.Bavail, block)
	v[metric.FSUsed] = minus(v[metric.FSSize], v[metric.FSFree])
	if m.shown.Files > 0 { // else the filesystem has no fixed number of inodes
		v[metric.FSFiles] = times(m.shown.Files, 1)
		v[metric.FSFilesFree] = times(m.shown.Ffree, 1)
		v[metric.FSFilesUsed] = minus(v[metric.FSFiles], v[metric.FSFilesFree])
	}
}

// server names what a filesystem depends on: mounts of one server hang together.
func (s *mountSpec) server() string {
	name := s.device
	if host, ok := strings.CutPrefix(name, "//"); ok { // //host/share
		name, _, _ = strings.Cut(host, "/")
	} else if host, _, ok := strings.Cut(name, ":/"); ok { // host:/export
		name = host
	}
	return s.fsType + " " + name
}

func times(n uint64, unit int64) int64 {
	if unit <= 0 || n > uint64((math.MaxInt64-1)/unit) {
		return metric.Absent
	}
	return int64(n) * unit
}

func minus(a, b int64) int64 {
	if a == metric.Absent || b == metric.Absent {
		return metric.Absent
	}
	return max(a-b, 0)
}
