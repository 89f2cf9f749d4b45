//go:build !race

package host

import (
	"testing"
	"time"
)

func TestReadAllocatesNothing(t *testing.T) {
	for name, o := range map[string]Options{"live": {}, "odd": tree(t, "odd"), "old": tree(t, "old")} {
		t.Run(name, func(t *testing.T) {
			r := open(t, o)
			now := time.Now()
			r.Read(now)
			r.Read(now)
			// More ticks than any period after which a Reader reads something again.
			if n := testing.AllocsPerRun(2*rereads, func() { r.Read(now) }); n != 0 {
				t.Errorf("%v allocations a tick", n)
			}
		})
	}
}
