//go:build !race

package line

import "testing"

func TestParseAllocatesNothing(t *testing.T) {
	for _, o := range []Options{{}, {Dialect: Etsy}, {NameTags: Influx}} {
		p := New(o)
		for _, s := range seeds {
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

// Rejecting a malformed number does not allocate: a hostile sender might send nothing
// else.
func TestNumberAllocatesNothing(t *testing.T) {
	for _, s := range numbers {
		in := []byte(s)
		if n := testing.AllocsPerRun(10, func() { parseFloat(in) }); n != 0 {
			t.Errorf("%q: %v allocations", s, n)
		}
	}
}
