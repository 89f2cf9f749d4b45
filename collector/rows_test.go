package collector

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
)

// world holds the cgroups and identities from which a test updates groupRows.
type world struct {
	names    map[string]*containers.Identity
	forgot   []string
	snapshot cgroups.Snapshot
	gen      uint64
	rows     groupRows
}

func newWorld() *world {
	w := &world{names: map[string]*containers.Identity{}}
	id := uint64(0)
	w.rows = groupRows{
		resolve: func(p string) *containers.Identity { return w.names[p] },
		forget:  func(p string) { w.forgot = append(w.forgot, p) },
		nextID:  func() uint64 { id++; return id },
	}
	return w
}

// see updates the rows with the cgroups that have these ids, in this order, and returns
// a copy of the rows. The path of id 0 is /a, that of id 1 is /b, and so on.
func (w *world) see(ids ...uint64) []*frame.Row {
	known := map[uint64]*cgroups.Group{}
	for _, g := range w.snapshot.Groups {
		known[g.ID] = g
	}
	w.snapshot.Groups = nil
	for _, id := range ids {
		if known[id] == nil {
			path := "/" + string(rune('a'+id))
			known[id] = &cgroups.Group{ID: id, Path: path, Name: path}
		}
		w.snapshot.Groups = append(w.snapshot.Groups, known[id])
	}
	w.snapshot.Gen++
	w.rows.update(&w.snapshot, w.gen)
	return append([]*frame.Row(nil), w.rows.rows...)
}

// name makes the cgroup at path a container's, with a name. The next see shows it.
func (w *world) name(path, name string) {
	w.names[path] = &containers.Identity{ContainerID: "id-" + name, Name: name,
		Labels: []frame.Label{{Name: "name", Value: name}}}
	w.gen++
}

func TestRowsFollowGroupsAndNames(t *testing.T) {
	w := newWorld()
	first := w.see(0, 1, 2)
	gen := w.rows.gen
	if again := w.see(0, 1, 2); again[1] != first[1] || w.rows.gen != gen {
		t.Error("the same groups made other rows")
	}
	w.name("/b", "web")
	named := w.see(0, 1, 2)
	if named[1] == first[1] || named[1].ID == first[1].ID ||
		named[1].Label("name") != "web" || first[1].Label("name") != "" {
		t.Error("a new name must make a new row, and leave the old one as it was")
	}
	if named[0] != first[0] || named[2] != first[2] || w.rows.gen == gen || w.rows.containers != 1 {
		t.Error("a new name changed its neighbours, or nothing")
	}
	gen = w.rows.gen
	moved := w.see(2, 1)
	if moved[0] != named[2] || moved[1] != named[1] || w.rows.gen == gen {
		t.Error("a removed group must keep the rows of the others, in the new order")
	}
	if len(w.forgot) != 1 || w.forgot[0] != "/a" {
		t.Errorf("forgot %v, want /a", w.forgot)
	}
	back := w.see(2, 1, 0)
	if back[2] == first[0] || back[2].ID == first[0].ID {
		t.Error("a row that was gone came back with its old id")
	}
}

func TestSamePathAgain(t *testing.T) {
	w := newWorld()
	w.name("/a", "old")
	w.see(0)
	w.rows.forget = func(p string) { delete(w.names, p) } // as containers.Resolver.Forget does
	w.snapshot.Groups = []*cgroups.Group{{ID: 7, Path: "/a", Name: "/a"}}
	w.snapshot.Gen++
	w.rows.update(&w.snapshot, w.gen)
	if got := w.rows.rows[0].Label("name"); got != "" {
		t.Errorf("a new cgroup of the same path is still called %q", got)
	}
}

func TestChildRowsFollowTheirParents(t *testing.T) {
	id := uint64(0)
	c := childRows{nextID: func() uint64 { id++; return id }}
	parents := []uint64{10, 20}
	update := func(gens [2]uint64) []*frame.Row {
		c.update(len(parents), gens,
			func(i int) childKey { return childKey{parent: parents[i], a: 8} },
			func(i int) (string, []frame.Label) {
				return deviceLabels(cgroups.Device{Major: 8}, "sda")
			})
		return append([]*frame.Row(nil), c.rows...)
	}
	first := update([2]uint64{1, 1})
	if first[0].Parent != 10 || first[0].Key != "sda" ||
		first[0].Label("major") != "8" || first[0].Label("device") != "sda" {
		t.Errorf("row: %+v", first[0])
	}
	parents = []uint64{10, 21, 30}
	second := update([2]uint64{2, 2})
	if second[0] != first[0] || second[1] == first[1] || second[1].Parent != 21 || second[2].Parent != 30 {
		t.Error("only rows whose parent changed may change")
	}
}

func TestNames(t *testing.T) {
	for size, want := range map[int64]string{64 << 10: "64KB", 2 << 20: "2MB", 1 << 30: "1GB"} {
		if got := pageSize(size); got != want {
			t.Errorf("pageSize(%d) = %s, want %s", size, got, want)
		}
	}
	if name, _ := deviceLabels(cgroups.Device{Major: 259, Minor: 3}, ""); name != "259:3" {
		t.Errorf("a device without a name is called %s", name)
	}
}
