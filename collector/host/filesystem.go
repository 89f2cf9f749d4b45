package host

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/parked"
)

// rereads is the number of ticks after which mountinfo is read again without an event.
const rereads = 60

// fsReader reads mountinfo when it changes, and asks each filesystem each tick.
//
// statfs(2) may not return for as long as a file server is away, so a pool makes
// the calls: each filesystem has a call of its own, which is made again when it
// has returned. A tick waits for answers only as long as prompt filesystems take.
type fsReader struct {
	file    *file
	t       *table
	f       filters
	pool    *parked.Pool
	prefix  string // of mount points as the collector sees them
	poll    []unix.PollFd
	ticks   int
	text    []byte // of mountinfo, as the mounts were built from it
	mounts  []*mount
	byName  map[string]*mount
	servers map[string]*parked.Group // by mountSpec.server
	log     hangLog
}

// newFSReader chooses whose mounts to read. Those of another mount namespace
// are asked through its root: the same path may be something else here.
func newFSReader(o Options, f filters, pool *parked.Pool) *fsReader {
	r := &fsReader{f: f, pool: pool, prefix: strings.TrimSuffix(o.Root, "/"), byName: map[string]*mount{},
		servers: map[string]*parked.Group{}, log: hangLog{log: o.Log}}
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

// ask has every filesystem asked that does not owe an answer.
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

// read shows the answers that are there.
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

// changed reports whether the mount table has changed, by poll (proc_pid_mounts(5)).
// What the kernel does not report that way (an emergency, a tree of plain files)
// is noticed by reading again now and then.
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
// A call that hangs on a mount which is gone stays counted in the pool.
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
			r.servers[server] = &parked.Group{}
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
