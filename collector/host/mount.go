package host

import (
	"math"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// mountPatience is how long a filesystem's last answer is shown while the next one is
// awaited, in addition to the time that the last answer took.
const mountPatience = 5 * time.Second

// mount is a mounted filesystem that has a row.
type mount struct {
	spec mountSpec
	key  []byte // mount point

	call  bounded.Call  // call of statfs(2)
	path  []byte        // argument of the call; ends with NUL
	reply unix.Statfs_t // result of the call
	errno unix.Errno    // error of the call

	answered bool          // the call has returned at least once
	shown    unix.Statfs_t // result of the last call that has returned
	failed   unix.Errno    // error of that call, 0 if it succeeded
	took     time.Duration // how long that call took
	since    time.Time     // since when the next answer is awaited; zero if none is awaited
	refused  bool          // the call could not be started because too many others hang
	reported bool          // the log says that this filesystem does not answer
}

// newMount makes a mount that is reached at prefix and its mount point.
func newMount(spec *mountSpec, prefix string, server *bounded.Group) *mount {
	m := &mount{spec: *spec, key: []byte(spec.point), path: cstring(prefix + spec.point)}
	m.call = bounded.Call{Run: m.statfs, Group: server, Await: true}
	return m
}

// statfs makes the call. It runs in a goroutine of the pool.
func (m *mount) statfs() { m.errno = statfs(m.path, &m.reply) }

// ask starts the call, unless the previous one has not returned.
func (m *mount) ask(p *bounded.Pool, now time.Time) {
	m.take()
	if m.since.IsZero() {
		m.since = now
	}
	if m.call.UnderWay() {
		return
	}
	m.refused = !p.Start(&m.call, m.reserve())
}

// reserve returns how many calls the pool must keep for filesystems that are less
// likely to hang than this one.
func (m *mount) reserve() int {
	switch {
	case m.spec.local:
		return 0
	case m.answered:
		return callsForLocal
	}
	return callsForLocal + callsForAnswered
}

// take takes the answer if the call has returned.
func (m *mount) take() {
	if !m.call.Take() {
		return
	}
	m.answered, m.since = true, time.Time{}
	m.shown, m.failed, m.took = m.reply, m.errno, m.call.Took()
	m.call.Await = m.took <= answerWait
}

// settle takes the answer after the tick has waited for it.
func (m *mount) settle() {
	if m.take(); m.call.UnderWay() {
		m.call.Await = false // the next tick does not wait for it
	}
}

// error returns why there are no values to show, or 0 if there are values: the error
// of statfs(2), EAGAIN if the call could not be started, or ETIMEDOUT if the answer is
// overdue.
func (m *mount) error(now time.Time) unix.Errno {
	switch {
	case m.answered && (m.since.IsZero() || now.Sub(m.since) <= mountPatience+m.took):
		return m.failed
	case m.refused:
		return unix.EAGAIN
	}
	return unix.ETIMEDOUT
}

// hangs reports whether the answer is overdue at the time now.
func (m *mount) hangs(now time.Time) bool {
	return !m.since.IsZero() && now.Sub(m.since) > mountPatience+m.took
}

// fill writes the last answer of statfs(2) into the values of a row.
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
	block := int64(m.shown.Frsize) // unit of the block counts; Bsize is only the preferred size for I/O
	if block <= 0 {
		block = int64(m.shown.Bsize)
	}
	v[metric.FSSize] = times(m.shown.Blocks, block)
	v[metric.FSFree] = times(m.shown.Bfree, block)
	v[metric.FSAvail] = times(m.shown.Bavail, block)
	v[metric.FSUsed] = minus(v[metric.FSSize], v[metric.FSFree])
	if m.shown.Files > 0 { // 0 means that the filesystem has no fixed number of inodes
		v[metric.FSFiles] = times(m.shown.Files, 1)
		v[metric.FSFilesFree] = times(m.shown.Ffree, 1)
		v[metric.FSFilesUsed] = minus(v[metric.FSFiles], v[metric.FSFilesFree])
	}
}

// server returns a name for the file server or device that a filesystem depends on:
// all mounts of one server hang together.
func (s *mountSpec) server() string {
	name := s.device
	if host, ok := strings.CutPrefix(name, "//"); ok { // //host/share
		name, _, _ = strings.Cut(host, "/")
	} else if host, _, ok := strings.Cut(name, ":/"); ok { // host:/export
		name = host
	}
	return s.fsType + " " + name
}

// times returns n * unit, or metric.Absent if that does not fit.
func times(n uint64, unit int64) int64 {
	if unit <= 0 || n > uint64((math.MaxInt64-1)/unit) {
		return metric.Absent
	}
	return int64(n) * unit
}

// minus returns a - b but at least 0, or metric.Absent if a or b is absent.
func minus(a, b int64) int64 {
	if a == metric.Absent || b == metric.Absent {
		return metric.Absent
	}
	return max(a-b, 0)
}
