package cgroups

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// This is not fsnotify: a node may have tens of thousands of cgroups, and the events
// of a tick are read into one buffer, without a goroutine and without allocating.
//
// Directories come and go through the VFS, which tells inotify; so does every
// write to a limit. On v2 the kernel itself reports changes of *.events files
// whose inode is in memory (kernfs_notify).
const watchMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_ONLYDIR

// watch starts to watch a directory, if inotify's limits allow it.
func (t *tree) watch(n *node, m int) {
	if t.notify < 0 || n.watched&(1<<m) != 0 {
		return
	}
	path := t.mounts[m].Dir
	if n.parent != nil {
		path += n.path
	}
	wd, err := unix.InotifyAddWatch(t.notify, path, watchMask)
	if err != nil {
		return
	}
	n.wd[m] = int32(wd)
	n.watched |= 1 << m
	n.written |= 1 << m
	t.unwatched--
	// A renamed directory keeps its watch: take it over from the old path.
	if old, ok := t.wds[int32(wd)]; ok && old.n.watched&(1<<old.m) != 0 && (old.n != n || old.m != m) {
		old.n.watched &^= 1 << old.m
		t.unwatched++
	}
	t.wds[int32(wd)] = watchRef{n, m}
}

// unwatch ends a watch, unless another path has taken it over.
func (t *tree) unwatch(n *node, m int) {
	if n.watched&(1<<m) == 0 {
		return
	}
	n.watched &^= 1 << m
	t.unwatched++
	delete(t.wds, n.wd[m])
	unix.InotifyRmWatch(t.notify, uint32(n.wd[m])) // EINVAL: gone with its directory
}

// drain handles the events that wait. It returns true if some were lost.
func (t *tree) drain() (lost bool) {
	for t.notify >= 0 {
		size, errno := read(t.notify, t.events)
		if errno != 0 || size <= 0 {
			break
		}
		for b := t.events[:size]; len(b) >= unix.SizeofInotifyEvent; {
			// struct inotify_event: s32 wd, u32 mask, u32 cookie, u32 len, name
			wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := b[unix.SizeofInotifyEvent:end]
			b = b[end:]
			if i := bytes.IndexByte(name, 0); i >= 0 {
				name = name[:i]
			}
			lost = t.event(wd, mask, name) || lost
		}
	}
	return lost
}

func (t *tree) event(wd int32, mask uint32, name []byte) (lost bool) {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		return true
	}
	r, ok := t.wds[wd]
	if !ok {
		return false
	}
	switch {
	case mask&unix.IN_IGNORED != 0:
		delete(t.wds, wd)
		if r.n.watched&(1<<r.m) != 0 && r.n.wd[r.m] == wd {
			r.n.watched &^= 1 << r.m
			t.unwatched++
		}
	case mask&unix.IN_ISDIR != 0:
		t.look(r.n, r.m, name)
	case mask&unix.IN_MODIFY != 0:
		t.modified(r.n, 1<<r.m, name)
	}
	return false
}

// modified notes that a file of a group was written.
func (t *tree) modified(n *node, m uint16, name []byte) {
	switch string(name) {
	case "cgroup.procs", "cgroup.threads", "tasks": // moves tasks, changes no value that is kept
	case "cgroup.subtree_control": // gives and takes files of the children
		for _, k := range n.kids {
			k.probe |= m
			k.written |= m
		}
	case "freezer.state": // freezes all below, too
		n.touch(m)
	case "cgroup.pressure", "cgroup.type": // a threaded cgroup has no cgroup.procs to read
		n.probe |= m
	default:
		// One file may change another (cpu.idle changes cpu.weight), so the
		// whole directory counts as written.
		n.written |= m
	}
}

// touch notes a write for a group and all below it.
func (n *node) touch(m uint16) {
	n.written |= m
	for _, k := range n.kids {
		k.touch(m)
	}
}
