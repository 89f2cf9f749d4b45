package cgroups

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// tree knows every cgroup of the machine without BPF: the directories of all
// hierarchies, joined by path. inotify says what comes and goes, so that a
// quiet tick opens nothing; a rolling scan of a few directories a tick catches
// what inotify might have missed, and directories that could not be watched
// are scanned every tick.
type tree struct {
	mounts []Mount
	rank   []int // mounts in the order in which they name a group, best first
	roots  []int // directory descriptors of the mounts; -1 for mounts not in use

	notify    int // inotify descriptor, -1 if there is none
	wds       map[int32]watchRef
	unwatched int // directories that inotify does not cover

	root    *node
	todo    []watchRef // directories to scan
	seq     uint32     // of the scan
	roll    int        // where the rolling scan stands
	buf     []byte     // directory entries
	events  []byte
	changed bool

	gen    uint64
	nextID uint64
	groups []*Group // in depth-first order, siblings by name
	nodes  []*node  // of groups
	stats  treeStats
}

type treeStats struct{ scans, overflows, missed uint64 }

// node is one path and the directories that have it.
type node struct {
	parent  *node
	name    string
	path    string // as Group.Path
	cpath   []byte // below the mount, NUL-terminated
	kids    []*node
	have    uint16 // mounts in which the directory exists
	watched uint16 // mounts in which inotify watches it
	written uint16 // mounts in which one of its files was written since last read
	probe   uint16 // mounts in which files may have appeared or gone
	ino     []uint64
	mark    []uint32
	wd      []int32

	group *Group
	gino  []uint64 // directories that are this group
	gmain int      // rank of the mount that gave the group its inode
}

// watchRef is one directory: a path in one hierarchy.
type watchRef struct {
	n *node
	m int
}

// maxMounts bounds the hierarchies, as sets of them are uint16.
const maxMounts = 16

// newTree finds every group below the directory descriptors roots, which stay
// the caller's. rank is as of rankMounts. Without watch it is of now only.
func newTree(l *Layout, roots, rank []int, watch bool) (*tree, error) {
	t := &tree{mounts: l.Mounts, roots: roots, rank: rank, notify: -1, wds: map[int32]watchRef{},
		buf: make([]byte, 32<<10), events: make([]byte, 64<<10)}
	if watch {
		if fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err == nil {
			t.notify = fd
		}
	}
	t.root = t.newNode(nil, "")
	for _, m := range t.rank {
		var st unix.Stat_t
		if err := unix.Fstat(t.roots[m], &st); err != nil {
			t.close()
			return nil, fmt.Errorf("stat hierarchy %s: %w", l.Mounts[m].Dir, err)
		}
		t.appear(t.root, m, st.Ino)
	}
	t.scanTodo()
	t.rebuild()
	return t, nil
}

// rankMounts lists the mounts that are read, in the order in which they name a
// group: the first hierarchy that has a directory at its path gives the
// group's inode and its list of processes.
func rankMounts(l *Layout) []int {
	order := []int{l.Memory, l.CPUAcct, l.CPU, l.Pids, l.IO, l.Freezer, l.Systemd, l.Hugetlb, l.V2}
	if l.Mode == "unified" {
		order = []int{l.V2}
	}
	var rank []int
	for _, m := range order {
		if m >= 0 && !slices.Contains(rank, m) {
			rank = append(rank, m)
		}
	}
	return rank
}

func (t *tree) close() {
	if t.notify >= 0 {
		closeFD(t.notify)
	}
}

// lookup finds the node of a group's path, nil if there is none.
func (t *tree) lookup(path string) *node {
	n := t.root
	for name := range strings.SplitSeq(path[1:], "/") {
		if name == "" {
			continue
		}
		i, ok := n.findString(name)
		if !ok {
			return nil
		}
		n = n.kids[i]
	}
	return n
}

func (t *tree) newNode(parent *node, name string) *node {
	n := &node{parent: parent, name: name, path: "/", cpath: []byte(".\x00"),
		ino: make([]uint64, len(t.mounts)), mark: make([]uint32, len(t.mounts)), wd: make([]int32, len(t.mounts))}
	if parent != nil {
		n.path = strings.TrimSuffix(parent.path, "/") + "/" + name
		n.cpath = append([]byte(n.path[1:]), 0)
	}
	return n
}

// sync brings the tree up to date: t.groups and t.gen are of now.
func (t *tree) sync() {
	if t.drain() {
		t.stats.overflows++
		t.scanAll(false)
	} else if t.unwatched > 0 || t.notify < 0 {
		t.scanAll(true)
	}
	t.scanSome()
	t.scanTodo()
	if t.changed {
		t.rebuild()
	}
}

// ownIDs is where the tree's own numbers start once it has adopted groups: the
// other reader may go on to number its own.
const ownIDs = 1 << 40

// adopt takes over the identity of groups that another reader has named, so
// that a change of reader is not a change of every group.
func (t *tree) adopt(groups []*Group) {
	t.nextID = max(t.nextID, ownIDs)
	byPath := make(map[string]*Group, len(groups))
	for _, g := range groups {
		byPath[g.Path] = g
		t.nextID = max(t.nextID, g.ID)
	}
	for i, n := range t.nodes {
		if g := byPath[n.path]; g != nil && g.Inode == n.group.Inode {
			n.group, t.groups[i] = g, g
		}
	}
	t.gen++
}

// rebuild lists the groups anew and gives new ones their identity.
func (t *tree) rebuild() {
	t.changed = false
	clear(t.groups)
	clear(t.nodes)
	t.groups, t.nodes = t.groups[:0], t.nodes[:0]
	t.list(t.root)
	t.gen++
}

func (t *tree) list(n *node) {
	t.identify(n)
	t.groups, t.nodes = append(t.groups, n.group), append(t.nodes, n)
	n.kids = slices.DeleteFunc(n.kids, func(k *node) bool { return k.have == 0 })
	for _, k := range n.kids {
		t.list(k)
	}
}

// identify keeps a node's group, or gives it a new one if a directory of its
// path is not the one it was, or if a better hierarchy now names it.
func (t *tree) identify(n *node) {
	best := 0
	for best < len(t.rank)-1 && n.have&(1<<t.rank[best]) == 0 {
		best++
	}
	same := n.group != nil && best >= n.gmain
	for m := range n.ino {
		if n.have&(1<<m) == 0 || !same {
			continue
		}
		if n.gino[m] == 0 {
			n.gino[m] = n.ino[m]
		}
		same = n.gino[m] == n.ino[m]
	}
	if same {
		return
	}
	n.gino, n.gmain = make([]uint64, len(n.ino)), best
	for m := range n.ino {
		if n.have&(1<<m) != 0 {
			n.gino[m] = n.ino[m]
		}
	}
	t.nextID++
	n.group = &Group{ID: t.nextID, Path: n.path, Name: validName(n.path), Inode: n.ino[t.rank[best]]}
}

// validName shows a path as UTF-8.
func validName(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); {
		r, n := utf8.DecodeRuneInString(path[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, path[i])
		} else {
			b.WriteString(path[i : i+n])
		}
		i += n
	}
	return b.String()
}
