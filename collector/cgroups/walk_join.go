package cgroups

import (
	"slices"
)

// walkJoin makes groups of the directories of all hierarchies.
type walkJoin struct {
	byPath map[string]*walkGroup
	order  []*walkGroup // by row
	groups []*Group     // by row
	rows   []walkRow    // by row
	gen    uint64
	nextID uint64
	round  uint32
	lists  []int  // trees that may count a group's tasks, best first
	states uint16 // trees of v1's freezer
}

// walkGroup is one path.
type walkGroup struct {
	group *Group
	at    [maxMounts]int32 // its records, by tree
	row   int32
	round uint32
	main  int               // rank of the tree that named the group
	nodes [maxMounts]uint64 // serials of its directories, by tree, also of those that went
	have  uint16            // trees that ever had it
	now   uint16            // trees that have it
	ask   Parts             // to be read from files at this walk
	entry *entry            // nil: nothing of it was read from files
	prev  struct{ user, system int64 }
}

// walkRow is what every reading needs of a group, side by side with the next.
type walkRow struct {
	at    [maxMounts]int32 // records, by tree
	now   uint16           // trees that have it
	tasks uint16           // the tree that counts its tasks, as a set
}

func (j *walkJoin) open(l *Layout, trees []*walkTree) {
	j.byPath = map[string]*walkGroup{}
	for _, m := range listMounts(l) {
		j.lists = append(j.lists, slices.IndexFunc(trees, func(t *walkTree) bool { return t.mount == m }))
	}
	for _, t := range trees {
		if t.parts.Freezer {
			j.states |= 1 << t.rank
		}
	}
}

// rebuild lists the groups anew: those of the first tree in its order, then
// those that only other trees have. A group stays the same as long as every
// directory of its path does, and no better hierarchy comes to name it.
func (j *walkJoin) rebuild(trees []*walkTree) {
	j.round++
	j.gen++
	clear(j.groups)
	j.order, j.groups = j.order[:0], j.groups[:0]
	for rank, t := range trees {
		for i, n := range t.slots[:t.n] {
			j.add(rank, n)
			n.group.at[rank] = int32(i)
		}
	}
	for path, g := range j.byPath {
		if g.round != j.round {
			delete(j.byPath, path)
		}
	}
	j.rows = slices.Grow(j.rows[:0], len(j.order))
	for i, g := range j.order {
		g.row = int32(i)
		j.groups = append(j.groups, g.group)
		j.rows = append(j.rows, walkRow{at: g.at, now: g.now})
	}
}

func (j *walkJoin) add(rank int, n *walkNode) {
	g := n.group
	if g == nil || g.group.Path != n.path || j.byPath[n.path] != g {
		g = j.byPath[n.path]
	}
	bit := uint16(1) << rank
	switch {
	case g == nil:
		g = &walkGroup{}
		j.byPath[n.path] = g
		j.name(g, rank, n)
	case g.have&bit != 0 && g.nodes[rank] != n.serial, g.round != j.round && rank < g.main:
		// Another directory of the same path, or a better one to name it.
		j.name(g, rank, n)
	}
	if g.round != j.round {
		g.now = 0
	}
	g.have |= bit
	g.now |= bit
	g.nodes[rank] = n.serial
	n.group = g
	if g.round != j.round {
		g.round = j.round
		j.order = append(j.order, g)
	}
}

// countTasks finds the tree that counts the tasks of each group, the one whose
// lists the files twin reads. It tells whether one is to count that did not.
func (j *walkJoin) countTasks(trees []*walkTree) (anew bool) {
	for i := range j.rows {
		r := &j.rows[i]
		for _, rank := range j.lists {
			if r.now&(1<<rank) == 0 {
				continue
			}
			r.tasks = 1 << rank
			if t := trees[rank]; t.parts.Tasks && !t.options.Counting && i > 0 {
				t.options.Counting, anew = true, true
				t.walk0.CountTasks()
			}
			break
		}
	}
	return anew
}

// name makes a new group of a path.
func (j *walkJoin) name(g *walkGroup, rank int, n *walkNode) {
	j.nextID++
	if g.round == j.round { // a lesser tree's directory is another: the best one still names it
		g.group = &Group{ID: j.nextID, Path: n.path, Name: g.group.Name, Inode: g.group.Inode}
	} else {
		g.have, g.main = 0, rank
		g.group = &Group{ID: j.nextID, Path: n.path, Name: validName(n.path), Inode: n.inode}
	}
	g.prev.user, g.prev.system = 0, 0
}
