//go:build !race

package logs

import (
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/query"
)

// Reading an entry, with its origin, allocates nothing.
func TestAllocNext(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 3000, func(i int) []string {
		return []string{"_SYSTEMD_CGROUP=/box/c" + fmt.Sprint(i%7), "_UID=0", fmt.Sprint("PRIORITY=", i%8), "_COMM=app"}
	})
	n := node(t, nil, dir)
	for _, q := range []query.LogQuery{{}, {Containers: []string{"c1", "c2"}}, {Grep: "line"}, {Grep: "l.*e 1.*"},
		{Priority: &query.PriorityRange{Max: 6}}, {Tasks: []string{"c*"}, Fields: []string{"MESSAGE"}}} {
		r, err := n.Entries(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		next := func() {
			if rec, err := r.Next(t.Context()); err != nil || rec.Entry == nil {
				t.Fatal(rec, err)
			}
		}
		for range 300 {
			next()
		}
		if a := testing.AllocsPerRun(200, next); a != 0 {
			t.Errorf("%+v: an entry allocates %v times", q, a)
		}
		r.Close()
	}
}
