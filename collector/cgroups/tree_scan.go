package cgroups

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// scanSomeOf says how many paths the rolling scan looks at in a tick: one, and
// one more for so many groups.
const scanSomeOf = 512

// find returns where a child is, or would be.
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

func (n *node) findString(name string) (int, bool) {
	return slices.BinarySearchFunc(n.kids, name, func(k *node, name string) int { return strings.Compare(k.name, name) })
}

// child returns the node of a name, made if need be; nil if its path is longer
// than the kernel can open.
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

// appear notes that a directory is there, and what its inode is.
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

// vanish notes that a directory is gone, with all below it.
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

// look asks the kernel whether a child is there now.
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

func (t *tree) scanTodo() {
	for len(t.todo) > 0 {
		r := t.todo[len(t.todo)-1]
		t.todo = t.todo[:len(t.todo)-1]
		t.scan(r.n, r.m)
	}
}

// scanAll scans every directory that is known, or every one without a watch.
// New ones below them follow through todo.
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

// scanSome is the rolling scan.
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

func (t *tree) scanDirs(n *node, dirs uint16) {
	for _, m := range t.rank {
		if dirs&(1<<m) != 0 {
			t.scan(n, m)
		}
	}
}

// scan reads a directory and takes note of the children that came and went.
func (t *tree) scan(n *node, m int) {
	t.stats.scans++
	fd, errno := openat(t.roots[m], n.cpath, unix.O_DIRECTORY)
	if errno != 0 {
		if errno == syscall.ENOENT && n.parent != nil {
			t.vanish(n, m)
		}
		return // what is known stays until the directory can be read again
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
