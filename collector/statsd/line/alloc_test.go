//go:build !race

package line

import "testing"

func TestParseAllocatesNothing(t *testing.T) {
	for _, o := range []Options{{}, {Dialect: Etsy}, {NameTags: Influx}} {
		p := New(o)
		for _, s := range seeds {
			if s == "a:1e400|c" || s == "a:--1|c" || s == "a:-.|c" { // rejected by strconv, whose errors are allocated
				continue
			}
			in := []byte(s)
			var l Line
			if n := testing.AllocsPerRun(10, func() {
				if p.Parse(in, &l) == Accepted {
					for p.More(&l) {
					}
				}
			}); n != 0 {
				t.Errorf("%q: %v allocations", s, n)
			}
		}
	}
}
