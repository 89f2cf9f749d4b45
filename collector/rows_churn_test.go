package collector

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
)

// TestRowsUnderChurn adds, removes, moves and renames cgroups at random. After each
// change it compares the rows with what they must be for the list of cgroups.
func TestRowsUnderChurn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := newWorld()
	children := childRows{nextID: w.rows.nextID}
	rowOf := map[*cgroups.Group]*frame.Row{}
	identity := map[*cgroups.Group]*containers.Identity{}
	childOf := map[uint64]*frame.Row{}
	for round := range 400 {
		groups := append([]*cgroups.Group(nil), w.snapshot.Groups...)
		for range r.IntN(4) {
			at := r.IntN(len(groups) + 1)
			switch r.IntN(3) {
			case 0:
				path := fmt.Sprint("/", r.IntN(40)) // sometimes the path of another or of a removed cgroup
				for _, g := range groups {
					if g.Path == path {
						path = fmt.Sprint(path, "-", round)
					}
				}
				groups = append(groups[:at:at],
					append([]*cgroups.Group{{ID: uint64(round + 1), Path: path, Name: path}}, groups[at:]...)...)
			case 1:
				if at < len(groups) {
					groups = append(groups[:at:at], groups[at+1:]...)
				}
			case 2:
				if at < len(groups) {
					w.name(groups[at].Path, fmt.Sprint("n", round))
				}
			}
		}
		if r.IntN(20) == 0 {
			r.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		}
		before := append([]*frame.Row(nil), w.rows.rows...)
		gen := w.rows.gen
		w.snapshot.Groups = groups
		w.snapshot.Gen++
		w.rows.update(&w.snapshot, w.gen)
		wantContainers := 0
		if len(w.rows.rows) != len(groups) || len(w.rows.byPath) != len(groups) {
			t.Fatalf("round %d: %d rows, %d paths, %d groups", round, len(w.rows.rows), len(w.rows.byPath), len(groups))
		}
		for i, g := range groups {
			row, id := w.rows.rows[i], w.names[g.Path]
			if w.rows.named[i].group != g || row.Key != g.Name || w.rows.named[i].row != row ||
				w.rows.byPath[g.Path] != row.ID || w.rows.named[i].identity != id {
				t.Fatalf("round %d: row %d is %+v, group %+v", round, i, row, g)
			}
			if was := rowOf[g]; was != nil && (was == row) != (identity[g] == id) {
				t.Fatalf("round %d: %s: row %p was %p, identity %p was %p", round, g.Path, row, was, id, identity[g])
			}
			rowOf[g], identity[g] = row, id
			if id != nil {
				wantContainers++
			}
		}
		if w.rows.containers != wantContainers {
			t.Fatalf("round %d: %d containers, want %d", round, w.rows.containers, wantContainers)
		}
		same := len(before) == len(groups)
		for i := 0; same && i < len(groups); i++ {
			same = before[i] == w.rows.rows[i]
		}
		if same != (gen == w.rows.gen) {
			t.Fatalf("round %d: the same rows: %v, generation %d, before %d", round, same, w.rows.gen, gen)
		}

		var keys []childKey
		for i := range groups {
			for size := range int64(2) {
				keys = append(keys, childKey{parent: w.rows.rows[i].ID, a: size})
			}
		}
		old := append([]childKey(nil), children.keys...)
		childGen := children.gen
		children.update(len(keys), [2]uint64{uint64(round + 1), w.rows.gen}, func(i int) childKey { return keys[i] },
			func(i int) (string, []frame.Label) { return fmt.Sprint(keys[i].a), nil })
		moved := len(old) != len(keys)
		for i, k := range keys {
			row := children.rows[i]
			id := k.parent<<1 | uint64(k.a)
			if row.Parent != k.parent || row.Key != fmt.Sprint(k.a) || childOf[id] != nil && childOf[id] != row {
				t.Fatalf("round %d: child %d is %+v", round, i, row)
			}
			childOf[id] = row
			moved = moved || old[i] != k
		}
		if moved != (children.gen != childGen) {
			t.Fatalf("round %d: children moved: %v, generation %d, before %d", round, moved, children.gen, childGen)
		}
	}
}
