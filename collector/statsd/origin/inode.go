package origin

import (
	"slices"
	"sync"
)

// inodes finds containers by the inode of their cgroup. Few clients use this. When the
// first one does, it costs one system call for each cgroup; after that, only for new
// containers.
type inodes struct {
	of     []placed
	once   sync.Once
	origin map[uint64]Origin
}

// placed is the cgroup of a container and its inode.
type placed struct {
	origin  Origin
	made    uint64
	cgroups []string
	inodes  []uint64
}

// byInode returns the container whose cgroup has an inode, or 0 if there is none.
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
