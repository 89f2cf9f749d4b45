package cgroups

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// tree finds every cgroup of the machine without BPF: the directories of all
// hierarchies, joined by path. inotify reports directories that are made or
// removed, so that a tick without changes opens nothing. A rolling scan reads a
// few directories per tick, to find changes that inotify missed. Directories that
// could not be watched are scanned on every tick.
type tree struct {
	mounts []Mount
	rank   []int // mounts to read, in order of preference: see rankMounts
	roots  []int // directory descriptors of the mounts; -1 for mounts not in use

	notify    int                // inotify descriptor, -1 if there is none
	wds       map[int32]watchRef // by watch descriptor
	unwatched int                // directories that inotify does not cover

	root    *node
	todo    []watchRef // directories to scan
	seq     uint32     // number of the current scan: see node.mark
	roll    int        // index into nodes that the rolling scan read last
	buf     []byte     // buffer for directory entries
	events  []byte     // buffer for inotify events
	changed bool       // a directory came or went since the last rebuild

	gen    uint64   // changes whenever groups changes
	nextID uint64   // the Group.ID given last
	groups []*Group // in depth-first order, siblings by name
	nodes  []*node  // the node of each of groups
	stats  treeStats
}

// treeStats counts what Stats reports as Scans, EventsLost and Missed.
type treeStats struct{ scans, overflows, missed uint64 }

// node is one path, and the directories with that path in all hierarchies. Fields
// of type uint16 are sets of mounts; slices are indexed by mount.
type node struct {
	parent  *node
	name    string
	path    string   // as Group.Path
	cpath   []byte   // path below the mount, NUL-terminated
	kids    []*node  // sorted by name
	have    uint16   // mounts in which the directory exists
	watched uint16   // mounts in which inotify watches it
	written uint16   // mounts in which one of its files was written since it was last read
	probe   uint16   // mounts in which files may have been added or removed
	ino     []uint64 // inode of the directory
	mark    []uint32 // tree.seq of the last scan that found the directory
	wd      []int32  // inotify watch descriptor

	group *Group
	gino  []uint64 // inodes of the directories that make up group; 0: none yet
	gmain int      // index into tree.rank of the mount that gave the group its inode
}

// watchRef is one directory: a path in one hierarchy.
type watchRef struct {
	n *node
	m int
}

// maxMounts is the largest number of hierarchies: sets of them are uint16.
const maxMounts = 16

// newTree finds every group below the directory descriptors roots, which the
// caller still owns. rank is the result of rankMounts. Without watch, the tree
// uses no inotify and shows the groups of this moment only.
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

// rankMounts lists the mounts that are read, in order of preference: the first one
// with a directory at a group's path gives Group.Inode.
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

// lookup returns the node of a group's path, nil if there is none.
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

// sync brings t.groups and t.gen up to date.
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

// ownIDs is the least Group.ID that the tree gives after it has adopted groups. The
// BPF walk, which numbered the adopted ones, may go on to give IDs below it.
const ownIDs = 1 << 40

// adopt takes over the Groups that the BPF walk made, so that every group stays the
// same Group when the tree replaces the walk.
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

// rebuild makes the lists of groups and nodes anew, with a Group for each new group.
func (t *tree) rebuild() {
	t.changed = false
	clear(t.groups)
	clear(t.nodes)
	t.groups, t.nodes = t.groups[:0], t.nodes[:0]
	t.list(t.root)
	t.gen++
}

// list appends n and all nodes below it to the lists, and removes nodes without a
// directory.
func (t *tree) list(n *node) {
	t.identify(n)
	t.groups, t.nodes = append(t.groups, n.group), append(t.nodes, n)
	n.kids = slices.DeleteFunc(n.kids, func(k *node) bool { return k.have == 0 })
	for _, k := range n.kids {
		t.list(k)
	}
}

// identify makes a new Group for a node if it has none, if one of its directories
// was replaced by another, or if a preferred hierarchy now has the path.
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

// validName returns path as valid UTF-8: each byte that is not is shown as \xNN.
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
