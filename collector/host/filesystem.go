package host

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// rereads is the number of ticks after which mountinfo is read again even though the
// kernel has reported no change.
const rereads = 60

// fsReader reads mountinfo when it changes, and calls statfs(2) for each filesystem at
// each tick.
//
// statfs(2) does not return while a file server is unreachable, so a pool makes the
// calls. Each filesystem has one call, which is made again once it has returned. A
// tick waits for the calls for answerWait at most.
type fsReader struct {
	file    *file
	t       *table
	f       filters
	pool    *bounded.Pool
	prefix  string // path at which the collector sees the root of the mount points
	poll    []unix.PollFd
	ticks   int    // ticks until mountinfo is read again without a reported change
	text    []byte // text of mountinfo that mounts was built from
	mounts  []*mount
	byName  map[string]*mount         // by mount point
	servers map[string]*bounded.Group // by mountSpec.server()
	log     hangLog
}

// newFSReader makes a reader of the mounts of process 1, which are the host's, or of
// the collector's own mounts if those cannot be read. If process 1 is in another mount
// namespace, its filesystems are reached through /proc/1/root, because a mount point
// may lead to another filesystem in the collector's namespace.
func newFSReader(o Options, f filters, pool *bounded.Pool) *fsReader {
	r := &fsReader{f: f, pool: pool, prefix: strings.TrimSuffix(o.Root, "/"), byName: map[string]*mount{},
		servers: map[string]*bounded.Group{}, log: hangLog{log: o.Log}}
	who := "self"
	switch {
	case r.prefix != "":
		who = "1"
	case otherMountNamespace(o.Proc) && readable(pool, o.Proc+"/1/root/proc"):
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

// labels returns the labels of the filesystem at a mount point.
func (r *fsReader) labels(point string) []frame.Label {
	m := r.byName[point]
	labels := make([]frame.Label, 0, 3)
	for _, l := range []frame.Label{
		{Name: "device", Value: valid(m.spec.device)},
		{Name: "fstype", Value: valid(m.spec.fsType)},
		{Name: "mountpoint", Value: valid(point)},
	} {
		if l.Value != "" {
			labels = append(labels, l)
		}
	}
	return labels
}

// ask updates the list of mounts if it has changed, and starts the call of every
// filesystem whose previous call has returned.
func (r *fsReader) ask(buf *[]byte, now time.Time) {
	if r.changed() {
		if text := r.file.read(buf); !bytes.Equal(text, r.text) {
			r.text = append(r.text[:0], text...)
			r.rebuild(text)
		}
	}
	for _, m := range r.mounts {
		m.ask(r.pool, now)
	}
}

// read returns the table of filesystems with the answers that have come.
func (r *fsReader) read(now time.Time) *frame.Table {
	r.t.begin()
	for _, m := range r.mounts {
		m.settle()
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
		m.fill(r.t.vals(e), now)
	}
	r.log.update(r.mounts, now)
	return r.t.end()
}

// changed reports whether mountinfo is to be read again: poll(2) has reported a change
// (proc_pid_mounts(5)), the file is not open, or rereads ticks have passed. The latter
// finds changes that poll(2) does not report, such as the option emergency_ro, or an
// edited file in a copy of /proc.
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

// rebuild makes the list of mounts from a new text of mountinfo, and keeps the mounts
// that are unchanged. The pool still counts calls that hang on mounts which are gone.
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
	used := make(map[string]bool, len(r.servers))
	for i := range all {
		spec := &all[i]
		if r.f.mount.MatchString(spec.point) || r.f.fsType.MatchString(spec.fsType) || r.byName[spec.point] != nil ||
			!visible(spec, byID, children) {
			continue
		}
		server := spec.server()
		if used[server] = true; r.servers[server] == nil {
			r.servers[server] = &bounded.Group{}
		}
		m := old[spec.point]
		if m == nil || m.spec.id != spec.id || m.spec.device != spec.device || m.spec.fsType != spec.fsType {
			m = newMount(spec, r.prefix, r.servers[server])
		}
		m.spec = *spec
		r.byName[spec.point] = m
		r.mounts = append(r.mounts, m)
	}
	for name, server := range r.servers {
		if !used[name] && r.pool.UnderWayOf(server) == 0 {
			delete(r.servers, name)
		}
	}
}

// status lists the filesystems without values.
func (r *fsReader) status(now time.Time) (all []Status) {
	for _, m := range r.mounts {
		errno := m.error(now)
		if errno == 0 {
			continue
		}
		s := Status{Source: valid(string(m.path[:len(m.path)-1])), Reason: explain(errno)}
		switch errno {
		case unix.ETIMEDOUT:
			s.Reason = "the filesystem does not answer: look to its server or disk"
		case unix.EAGAIN:
			s.Reason = fmt.Sprintf("not asked, as %d other filesystems do not answer", r.pool.UnderWay())
		}
		all = append(all, s)
	}
	return all
}
