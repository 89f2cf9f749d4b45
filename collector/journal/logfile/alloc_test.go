//go:build !race

package logfile

import (
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

// Reading allocates nothing for a line, with or without pieces.
func TestAllocNext(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		for i := range 4000 {
			w.write(Stream(i%2), fmt.Sprintf("line %d with \"quotes\" and ümlauts", i), false)
			if i%50 == 0 {
				w.write(Stdout, piece('p'), true)
			}
		}
		r := reader(t, w.log(Options{}))
		var e entry.Entry
		var cursor []byte
		step := func() {
			if !r.Next() {
				t.Fatal("no line")
			}
			r.Entry(&e)
			c := r.Cursor()
			cursor = c.Append(cursor[:0])
		}
		for range 1000 {
			step()
		}
		if n := testing.AllocsPerRun(2000, step); n != 0 {
			t.Errorf("%v: a line allocates %v times", f, n)
		}
	}
}
