package cgroups

import (
	"slices"
)

// walkJoin joins the directories of all hierarchies into groups, by path.
type walkJoin struct {
	byPath map[string]*walkGroup
	order  []*walkGroup // by row
	groups []*Group     // by row
	rows   []walkRow    // by row
	gen    uint64       // number of calls of rebuild
	nextID uint64       // the Group.ID given last
	round  uint32       // as gen: see walkGroup.round
	lists  []int        // trees that may count a group's tasks, in order of preference
	states uint16       // set of trees with v1's freezer
}

// walkGroup is one path, and its directories in all trees. Fields of type uint16 are
// sets of trees.
type walkGroup struct {
	group     *Group
	at        [maxMounts]int32             // numbers of its records, by tree
	row       int32                        // index into walkJoin.groups
	round     uint32                       // walkJoin.round of the last rebuild that found it
	main      int                          // rank of the tree that gave the group its inode
	nodes     [maxMounts]uint64            // serials of its directories, by tree, including removed ones
	have      uint16                       // trees that have had it since the group was made
	now       uint16                       // trees that have it
	fromFiles Parts                        // parts to read from files in this walk
	entry     *entry                       // nil: no part was ever read from files
	prev      struct{ user, system int64 } // CPU times shown last, in nanoseconds
}

// walkRow is what every walk needs of a group. The rows are one array, so that a walk
// goes through them without following pointers.
type walkRow struct {
	at    [maxMounts]int32 // numbers of its records, by tree
	now   uint16           // trees that have it
	tasks uint16           // the set of the one tree that counts its tasks
}

// open prepares j for the trees.
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

// rebuild makes the list of groups anew: first the groups of the first tree, in its
// order, then those that only other trees have. A path keeps its Group while none
// of its directories is replaced by another, and no preferred hierarchy gets the
// path.
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

// add adds a directory of the tree of that rank to the group at its path.
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
		// Another directory has the path now, or a preferred hierarchy has it.
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

// countTasks chooses for each group the tree that counts its tasks: the tree whose
// lists the file reader would read (see specBuilder.tasks). It makes the programs of
// these trees count tasks. It reports whether one did not do so before, so that the
// walk must be repeated.
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
				t.prog.CountTasks()
			}
			break
		}
	}
	return anew
}

// name gives g a new Group. n is its directory in the tree of that rank.
func (j *walkJoin) name(g *walkGroup, rank int, n *walkNode) {
	j.nextID++
	if g.round == j.round { // found in a preferred tree already, whose inode it keeps
		g.group = &Group{ID: j.nextID, Path: n.path, Name: g.group.Name, Inode: g.group.Inode}
	} else {
		g.have, g.main = 0, rank
		g.group = &Group{ID: j.nextID, Path: n.path, Name: validName(n.path), Inode: n.inode}
	}
	g.prev.user, g.prev.system = 0, 0
}
