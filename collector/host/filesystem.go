package host

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

const (
	mountWait  = 100 * time.Millisecond // for one filesystem to answer
	mountsWait = 200 * time.Millisecond // for all of them, in one tick
	rereads    = 60                     // ticks after which mountinfo is read again without an event
)

// mount is a filesystem whose row is kept.
type mount struct {
	spec  mountSpec
	key   []byte // mount point
	path  []byte // to ask, ends with NUL
	stuck *statWorker
	raw   unix.Statfs_t // of the worker until it has answered
	errno unix.Errno    // likewise
	error unix.Errno    // why the last tick has no values
}

// fsReader reads mountinfo when it changes, and asks each filesystem each tick.
type fsReader struct {
	file   *file
	t      *table
	f      filters
	log    *slog.Logger
	prefix string // of mount points as the collector sees them
	poll   []unix.PollFd
	ticks  int
	text   []byte // of mountinfo, as the mounts were built from it
	mounts []*mount
	byName map[string]*mount
	worker *statWorker
	timer  *time.Timer
}

// newFSReader chooses whose mounts to read. Those of another mount namespace
// are asked through its root: the same path may be something else here.
func newFSReader(o Options, f filters) *fsReader {
	r := &fsReader{f: f, log: o.Log, prefix: strings.TrimSuffix(o.Root, "/"), byName: map[string]*mount{}, timer: time.NewTimer(0)}
	who := "self"
	switch {
	case r.prefix != "":
		who = "1"
	case otherNamespace(o.Proc, "mnt") && unix.Access(o.Proc+"/1/root/proc", unix.R_OK) == nil:
		who, r.prefix = "1", o.Proc+"/1/root"
	}
	r.file = newFile(o.Proc + "/" + who + "/mountinfo")
	if who == "1" && !r.file.open() {
		r.file = newFile(o.Proc + "/self/mountinfo")
	}
	r.t = newTable(metric.Filesystem, r.labels)
	r.poll = []unix.PollFd{{Events: unix.POLLPRI}}
	return r
}

func otherNamespace(proc, kind string) bool {
	var one, self unix.Stat_t
	return unix.Stat(proc+"/1/ns/"+kind, &one) == nil && unix.Stat(proc+"/self/ns/"+kind, &self) == nil && one.Ino != self.Ino
}

func (r *fsReader) labels(point string) []frame.Label {
	m := r.byName[point]
	labels := make([]frame.Label, 0, 3)
	for _, l := range []frame.Label{{Name: "device", Value: valid(m.spec.device)}, {Name: "fstype", Value: valid(m.spec.fsType)}, {Name: "mountpoint", Value: valid(point)}} {
		if l.Value != "" {
			labels = append(labels, l)
		}
	}
	return labels
}

func (r *fsReader) read(buf *[]byte) *frame.Table {
	if r.changed() {
		if text := r.file.read(buf); !bytes.Equal(text, r.text) {
			r.text = append(r.text[:0], text...)
			r.rebuild(text)
		}
	}
	r.t.begin()
	deadline := time.Now().Add(mountsWait)
	for _, m := range r.mounts {
		e := r.t.add(m.key)
		if e == nil {
			continue
		}
		if e.mount != m {
			if e.mount != nil {
				r.t.renew(e)
			}
			e.mount = m
		}
		if r.ask(m, deadline) {
			m.fill(r.t.vals(e))
		}
	}
	return r.t.end()
}

// changed tells whether the mount table has, by poll (proc_pid_mounts(5)).
// What is not told that way (an emergency, a tree of plain files) is met by
// reading again now and then.
func (r *fsReader) changed() bool {
	r.ticks--
	if r.ticks < 0 || r.file.fd < 0 {
		r.ticks = rereads
		return true
	}
	r.poll[0].Fd, r.poll[0].Revents = int32(r.file.fd), 0
	n, err := unix.Poll(r.poll, 0)
	return err == nil && n > 0 && r.poll[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0
}

// rebuild takes over a new mount table, keeping the mounts that are still there.
func (r *fsReader) rebuild(text []byte) {
	all := parseMountinfo(text)
	byID := make(map[int64]*mountSpec, len(all))
	children := make(map[int64][]*mountSpec)
	for i := range all {
		m := &all[i]
		byID[m.id] = m
		children[m.parent] = append(children[m.parent], m)
	}
	old := r.byName
	r.mounts, r.byName = r.mounts[:0], make(map[string]*mount, len(old))
	for i := range all {
		spec := &all[i]
		if r.f.mount.MatchString(spec.point) || r.f.fsType.MatchString(spec.fsType) || r.byName[spec.point] != nil ||
			!visible(spec, byID, children) {
			continue
		}
		m := old[spec.point]
		if m == nil || m.spec.id != spec.id || m.spec.device != spec.device || m.spec.fsType != spec.fsType {
			m = &mount{key: []byte(spec.point), path: cstring(r.prefix + spec.point)}
		} else {
			delete(old, spec.point)
		}
		m.spec = *spec
		r.byName[spec.point] = m
		r.mounts = append(r.mounts, m)
	}
	for _, m := range old {
		m.release()
	}
}

// fill writes the answer of statfs(2) into a row.
func (m *mount) fill(v []int64) {
	v[metric.FSDeviceError] = 1
	if m.error != 0 {
		return
	}
	v[metric.FSDeviceError] = 0
	v[metric.FSReadOnly] = 0
	if m.raw.Flags&unix.ST_RDONLY != 0 || m.spec.readOnly {
		v[metric.FSReadOnly] = 1
	}
	block := int64(m.raw.Frsize) // what blocks are counted in; Bsize is but the best size for io
	if block <= 0 {
		block = int64(m.raw.Bsize)
	}
	v[metric.FSSize] = times(m.raw.Blocks, block)
	v[metric.FSFree] = times(m.raw.Bfree, block)
	v[metric.FSAvail] = times(m.raw.Bavail, block)
	v[metric.FSUsed] = minus(v[metric.FSSize], v[metric.FSFree])
	if m.raw.Files > 0 { // else the filesystem has no fixed number of inodes
		v[metric.FSFiles] = times(m.raw.Files, 1)
		v[metric.FSFilesFree] = times(m.raw.Ffree, 1)
		v[metric.FSFilesUsed] = minus(v[metric.FSFiles], v[metric.FSFilesFree])
	}
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

func (r *fsReader) status() (all []Status) {
	for _, m := range r.mounts {
		switch {
		case m.error == unix.ETIMEDOUT:
			all = append(all, Status{Source: valid(string(m.path[:len(m.path)-1])), Reason: "the filesystem does not answer: look to its server or disk"})
		case m.error != 0:
			all = append(all, Status{Source: valid(string(m.path[:len(m.path)-1])), Reason: explain(m.error)})
		}
	}
	return all
}

func (r *fsReader) close() {
	if r.worker != nil {
		close(r.worker.in)
	}
	for _, m := range r.mounts {
		m.release()
	}
}
