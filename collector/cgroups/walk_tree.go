package cgroups

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daytwo/daytwo/bpf"
)

// walkTree is one hierarchy as the walk shows it.
type walkTree struct {
	mount   int
	rank    int
	parts   bpf.Parts
	options bpf.WalkOptions
	walk0   *bpf.Walk

	slots  []*walkNode // by record
	n      int         // records of the last walk
	byMark map[uint64]*walkNode
	seen   uint32
}

// walkNode is one directory for as long as it lives and keeps its name.
type walkNode struct {
	serial uint64 // of the cgroup in this boot, never used again
	inode  uint64
	above  uint64 // serial of the parent
	parent *walkNode
	name   string
	path   string
	group  *walkGroup
	seen   uint32
}

// load loads the program, with the room that options ask for.
func (t *walkTree) load(k *bpf.Kernel) error {
	if t.walk0 != nil {
		if err := t.walk0.Close(); err != nil {
			return err
		}
		t.walk0 = nil
	}
	w, err := k.NewWalk(t.options)
	k.Release()
	if err != nil {
		return err
	}
	t.walk0 = w
	// A new array has every name to be written again.
	clear(t.slots)
	t.n = 0
	return nil
}

var errUnnamed = errors.New("cgroups deeper than the walk can resume at changed too fast")

// walk visits the hierarchy and tells whether its directories changed.
func (t *walkTree) walk(k *bpf.Kernel) (changed bool, err error) {
	for range 8 {
		c, whole, err := t.visit()
		changed = changed || c
		if err != nil {
			return changed, err
		}
		records, ios := t.walk0.Count(), t.walk0.IOCount()
		switch {
		case records > t.options.Records || ios > t.options.IOs:
			t.options.Records = max(t.options.Records, records+records/2)
			t.options.IOs = max(t.options.IOs, ios+ios/2)
			if err := t.load(k); err != nil {
				return changed, err
			}
		case whole:
			return t.finish(changed)
		}
	}
	return changed, errUnnamed
}

// visit runs the walk to its end and takes the names of what is new. It is not
// whole if a name found no room.
func (t *walkTree) visit() (changed, whole bool, err error) {
	w := t.walk0
	w.Restart()
	whole = true
	for done := false; !done; {
		if done, err = w.Next(); err != nil {
			return changed, false, err
		}
		whole = whole && w.Complete()
		if n := min(w.Count(), w.Room()); n > len(t.slots) {
			t.slots = append(t.slots, make([]*walkNode, n+n/4-len(t.slots))...)
		}
		for i := range w.Names() {
			record, name := w.Name(i)
			t.slots[record] = t.node(w.Head(record), name)
			changed = true
		}
	}
	return changed, whole, nil
}

// node finds the directory of a record whose name was written, or notes a new one.
func (t *walkTree) node(h *bpf.Head, name []byte) *walkNode {
	n := t.byMark[h.Serial]
	if n != nil && n.name == string(name) {
		return n
	}
	n = &walkNode{serial: h.Serial, inode: h.Id, above: h.Parent, name: string(name)}
	if h.Level == 0 {
		n.name = ""
	}
	t.byMark[h.Serial] = n
	return n
}

// finish ties the directories of a whole walk together.
func (t *walkTree) finish(changed bool) (bool, error) {
	n := t.walk0.Count()
	if !changed && n == t.n {
		return false, nil
	}
	// Slots beyond n stay: the records there stay too, and a walk that comes to
	// the same directory at the same place again does not write its name.
	t.n = n
	t.seen++
	for i, node := range t.slots[:n] {
		if now := t.byMark[node.serial]; now == nil {
			t.byMark[node.serial] = node
		} else if now != node {
			node, t.slots[i] = now, now
		}
		if i == 0 {
			node.path = "/"
		} else if parent := t.byMark[node.above]; parent == nil {
			return true, fmt.Errorf("cgroup %d has no parent in the walk", node.inode)
		} else if node.parent != parent {
			if node.parent != nil { // above it something was renamed
				node = &walkNode{serial: node.serial, inode: node.inode, above: node.above, name: node.name}
				t.slots[i], t.byMark[node.serial] = node, node
			}
			node.parent = parent
			node.path = strings.TrimSuffix(parent.path, "/") + "/" + node.name
		}
		node.seen = t.seen
	}
	for serial, node := range t.byMark {
		if node.seen != t.seen {
			delete(t.byMark, serial)
		}
	}
	return true, nil
}
