package cgroups

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// watchMask is the set of events that inotify reports for a cgroup directory. The
// VFS reports each directory that is made or removed, and each write to a file. On
// v2 the kernel also reports its own changes of *.events files, while their inode is
// in memory (kernfs_notify() in fs/kernfs/file.c).
//
// This package does not use fsnotify: a machine may have tens of thousands of
// cgroups, and here a tick reads its events into one buffer, without a goroutine and
// without allocating.
const watchMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MODIFY |
	unix.IN_ONLYDIR

// watch starts to watch a directory. If inotify's limits do not allow it, the
// directory stays unwatched.
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
	// A renamed directory keeps its watch descriptor, which until now belonged to the
	// node of the old path.
	if old, ok := t.wds[int32(wd)]; ok && old.n.watched&(1<<old.m) != 0 && (old.n != n || old.m != m) {
		old.n.watched &^= 1 << old.m
		t.unwatched++
	}
	t.wds[int32(wd)] = watchRef{n, m}
}

// unwatch removes a watch, unless it belongs to another path now.
func (t *tree) unwatch(n *node, m int) {
	if n.watched&(1<<m) == 0 {
		return
	}
	n.watched &^= 1 << m
	t.unwatched++
	delete(t.wds, n.wd[m])
	unix.InotifyRmWatch(t.notify, uint32(n.wd[m])) // EINVAL: it was removed with its directory
}

// drain handles all queued events. It reports whether events were lost.
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

// event handles one event. It reports whether events were lost.
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

// modified handles a write to the file name of a group. m is the set of its one mount.
func (t *tree) modified(n *node, m uint16, name []byte) {
	switch string(name) {
	case "cgroup.procs", "cgroup.threads", "tasks": // moves tasks, and changes no cached value
	case "cgroup.subtree_control": // adds or removes files of the children
		for _, k := range n.kids {
			k.probe |= m
			k.written |= m
		}
	case "freezer.state": // also changes the state of all descendants
		n.touch(m)
	case "cgroup.pressure", "cgroup.type": // a threaded cgroup has no cgroup.procs to read
		n.probe |= m
	default:
		// One file may change another (cpu.idle changes cpu.weight), so the
		// whole directory counts as written.
		n.written |= m
	}
}

// touch marks a group and all its descendants as written.
func (n *node) touch(m uint16) {
	n.written |= m
	for _, k := range n.kids {
		k.touch(m)
	}
}
