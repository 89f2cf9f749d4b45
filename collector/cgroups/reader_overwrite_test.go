package cgroups

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/load"
)

// TestReaderLeavesWhatIsShown reads while the previous Snapshot is still shown. None of
// its values may change, no matter which of BPF and files read it and the next one.
func TestReaderLeavesWhatIsShown(t *testing.T) {
	for _, noBPF := range []bool{false, true} {
		t.Run(fmt.Sprint("NoBPF=", noBPF), func(t *testing.T) {
			g := makeGroup(t, layout(t), "shown")
			g.start(load.Work{CPU: 500 * time.Millisecond})
			r := sharedReader(t, Options{NoBPF: noBPF, Log: quiet()})
			b := &failingWalk{}
			if w, ok := r.walk.(keptWalk); ok {
				b.walk, r.walk = w.walk, b
			}
			moved := 0
			for round := range 12 {
				s := readSnapshot(t, r)
				shown := [][]int64{s.Vals, s.IOVals, s.HugetlbVals}
				var was [][]int64
				for _, v := range shown {
					was = append(was, slices.Clone(v))
				}
				b.fail = round%4 == 2
				if round == 9 && r.walk != nil {
					r.leave(AllParts) // all parts are read from files from here on
				}
				next := readSnapshot(t, r)
				for i, v := range shown {
					if !slices.Equal(v, was[i]) {
						t.Fatalf("round %d: values %d of the reading before were written to", round, i)
					}
				}
				if !slices.Equal(next.Vals, was[0]) {
					moved++
				}
			}
			if moved == 0 {
				t.Error("nothing moved: the test shows nothing")
			}
		})
	}
}
