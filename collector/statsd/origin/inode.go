package origin

import (
	"slices"
	"sync"
)

// inodes finds containers by the inode of their cgroup, which few clients name:
// a call to the kernel for each cgroup is spent when the first one does, and
// then for new containers only.
type inodes struct {
	of     []placed
	once   sync.Once
	origin map[uint64]Origin
}

// placed is where a container is.
type placed struct {
	origin  Origin
	made    uint64
	cgroups []string
	inodes  []uint64
}

// byInode is the container whose cgroup has that inode, 0 if there is none.
func (t *Table) byInode(x *index, inode uint64) Origin {
	x.inodes.once.Do(func() { t.findInodes(x.inodes) })
	return x.inodes.origin[inode]
}

func (t *Table) findInodes(n *inodes) {
	t.inodesMu.Lock()
	defer t.inodesMu.Unlock()
	n.origin = make(map[uint64]Origin, len(n.of))
	found := make(map[Origin]placed, len(n.of))
	for _, p := range n.of {
		was := t.inodes[p.origin]
		if p.made == 0 || was.made != p.made || !slices.Equal(was.cgroups, p.cgroups) {
			for _, path := range p.cgroups {
				for h := range t.trees {
					if ino, ok := t.trees[h].inode(path); ok {
						p.inodes = append(p.inodes, ino)
					}
				}
			}
		} else {
			p.inodes = was.inodes
		}
		found[p.origin] = p
		for _, ino := range p.inodes {
			n.origin[ino] = p.origin
		}
	}
	t.inodes = found
}
