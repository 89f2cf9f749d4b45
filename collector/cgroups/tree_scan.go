package cgroups

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// scanSomeOf sets how many paths the rolling scan reads in a tick: one, plus one per
// scanSomeOf groups.
const scanSomeOf = 512

// find returns the index of a child in n.kids, or where it would be inserted, and
// whether it is there.
func (n *node) find(name []byte) (int, bool) {
	lo, hi := 0, len(n.kids)
	for lo < hi {
		mid := (lo + hi) / 2
		if n.kids[mid].name < string(name) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(n.kids) && n.kids[lo].name == string(name)
}

// findString is find for a string.
func (n *node) findString(name string) (int, bool) {
	return slices.BinarySearchFunc(n.kids, name, func(k *node, name string) int { return strings.Compare(k.name, name) })
}

// child returns the child of n with a name, and makes it if there is none. It returns
// nil if the paths of its files would be longer than PATH_MAX.
func (t *tree) child(n *node, name []byte) *node {
	i, ok := n.find(name)
	if ok {
		return n.kids[i]
	}
	if len(n.path)+1+len(name)+maxFileName >= unix.PathMax {
		return nil
	}
	k := t.newNode(n, string(name))
	n.kids = slices.Insert(n.kids, i, k)
	return k
}

// appear records that a directory exists and has an inode number.
func (t *tree) appear(n *node, m int, ino uint64) {
	if n.have&(1<<m) != 0 {
		if n.ino[m] == ino {
			return
		}
		t.vanish(n, m)
	}
	n.have |= 1 << m
	n.ino[m] = ino
	n.written |= 1 << m
	n.probe |= 1 << m
	t.changed = true
	t.unwatched++
	t.watch(n, m)
	t.todo = append(t.todo, watchRef{n, m})
}

// vanish records that a directory is gone, together with all directories below it.
func (t *tree) vanish(n *node, m int) {
	if n.have&(1<<m) == 0 {
		return
	}
	for _, k := range n.kids {
		t.vanish(k, m)
	}
	t.unwatch(n, m)
	t.unwatched--
	n.have &^= 1 << m
	t.changed = true
}

// look asks the kernel whether a child exists, and records the answer.
func (t *tree) look(n *node, m int, name []byte) {
	path := name
	if n.parent != nil {
		path = slices.Concat(n.cpath[:len(n.cpath)-1], []byte{'/'}, name)
	}
	var st unix.Stat_t
	err := unix.Fstatat(t.roots[m], string(path), &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if k := t.child(n, name); k != nil {
			t.appear(k, m, st.Ino)
		}
	} else if i, ok := n.find(name); ok && (err == unix.ENOENT || err == nil) {
		t.vanish(n.kids[i], m)
	}
}

// scanTodo scans the new directories, and those found below them.
func (t *tree) scanTodo() {
	for len(t.todo) > 0 {
		r := t.todo[len(t.todo)-1]
		t.todo = t.todo[:len(t.todo)-1]
		t.scan(r.n, r.m)
	}
}

// scanAll scans every known directory, or only those without a watch. New
// directories below them are added to todo.
func (t *tree) scanAll(unwatchedOnly bool) {
	for _, n := range t.nodes {
		dirs := n.have
		if unwatchedOnly {
			dirs &^= n.watched
		} else {
			n.written, n.probe = n.have, n.have
		}
		t.scanDirs(n, dirs)
	}
}

// scanSome does one tick of the rolling scan. It also marks the files of the scanned
// paths as written, so that they are read again.
func (t *tree) scanSome() {
	for range 1 + len(t.nodes)/scanSomeOf {
		t.roll = (t.roll + 1) % len(t.nodes)
		n := t.nodes[t.roll]
		before := t.changed
		t.changed = false
		for _, m := range t.rank {
			if n.have&^n.watched&(1<<m) != 0 {
				t.watch(n, m)
			}
		}
		t.scanDirs(n, n.have)
		if t.changed {
			t.stats.missed++
		}
		t.changed = t.changed || before
		n.written, n.probe = n.have, n.have
	}
}

// scanDirs scans the directories of n in the set dirs of mounts.
func (t *tree) scanDirs(n *node, dirs uint16) {
	for _, m := range t.rank {
		if dirs&(1<<m) != 0 {
			t.scan(n, m)
		}
	}
}

// scan reads a directory and records which children were made or removed.
func (t *tree) scan(n *node, m int) {
	t.stats.scans++
	fd, errno := openat(t.roots[m], n.cpath, unix.O_DIRECTORY)
	if errno != 0 {
		if errno == syscall.ENOENT && n.parent != nil {
			t.vanish(n, m)
		}
		return // the known children stay until the directory can be read again
	}
	defer closeFD(fd)
	t.seq++
	for {
		size, errno := getdents(fd, t.buf)
		if errno != 0 {
			return
		}
		if size == 0 {
			break
		}
		for b := t.buf[:size]; len(b) > 0; {
			// struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name
			reclen := binary.NativeEndian.Uint16(b[16:])
			ino, typ, name := binary.NativeEndian.Uint64(b), b[18], b[19:reclen]
			b = b[reclen:]
			name = name[:bytes.IndexByte(name, 0)]
			if typ != unix.DT_DIR || string(name) == "." || string(name) == ".." {
				continue
			}
			if k := t.child(n, name); k != nil {
				k.mark[m] = t.seq
				t.appear(k, m, ino)
			}
		}
	}
	for _, k := range n.kids {
		if k.mark[m] != t.seq {
			t.vanish(k, m)
		}
	}
}
