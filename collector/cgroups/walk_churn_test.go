package cgroups

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWalkChurn makes and removes cgroups between walks, in every order, so that a
// directory may get the same array index again. Each walk must show exactly the
// directories that exist, each with its name and its Group.
func TestWalkChurn(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "walkchurn")
	walk := walked(t, sharedWalk(t))
	rng := rand.New(rand.NewPCG(1, 2))
	// New directories come last among their siblings. So those in the second group move
	// in the array whenever one is made or removed in the first.
	first, second := top.child("first"), top.child("second")
	// id of the group at each path, 0 if it was not walked yet
	there := map[string]uint64{first.path: 0, second.path: 0}
	for round := range 60 {
		for range rng.IntN(4) + 1 {
			above := []*group{first, second}[rng.IntN(2)]
			g := &group{t, l, fmt.Sprintf("%s/%c", above.path, 'a'+rune(rng.IntN(6)))}
			if _, ok := there[g.path]; !ok {
				g.make()
				there[g.path] = 0
				continue
			}
			for _, m := range rankMounts(l) {
				if err := os.Remove(g.dir(m)); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			delete(there, g.path)
		}
		got := map[string]uint64{}
		for _, g := range walk().Groups {
			if strings.HasPrefix(g.Path, top.path+"/") {
				got[g.Path] = g.ID
			}
		}
		for path, id := range there {
			if now, ok := got[path]; !ok || id != 0 && id != now {
				t.Fatalf("round %d: %s is group %d, was %d", round, path, now, id)
			}
		}
		if len(got) != len(there) {
			t.Fatalf("round %d: %v are shown, %d are there", round, slices.Sorted(maps.Keys(got)), len(there))
		}
		there = got
	}
}
