package fleet

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

func TestNewest(t *testing.T) {
	const second = int64(time.Second)
	at := func(s int64) time.Time { return time.Unix(0, start+s*second) }
	head := func(boot, seq uint64, s int64) frame.Header {
		return frame.Header{Agent: "a", Boot: boot, Seq: seq, Time: start + s*second, Interval: second}
	}
	type tick struct {
		boot, seq      uint64
		time, received int64
	}
	for name, c := range map[string]struct {
		ticks []tick
		want  tick
		order []order
	}{
		"in order": {[]tick{{1, 1, 0, 0}, {1, 2, 1, 1}}, tick{boot: 1, seq: 2}, []order{advanced, advanced}},
		"late": {
			[]tick{{1, 1, 0, 0}, {1, 3, 2, 2}, {1, 2, 1, 3}}, tick{boot: 1, seq: 3},
			[]order{advanced, advanced, late},
		},
		"clock back": {
			[]tick{{1, 1, 100, 0}, {1, 2, 50, 1}}, tick{boot: 1, seq: 2}, []order{advanced, advanced},
		},
		"restart":      {[]tick{{1, 9, 0, 0}, {2, 1, 1, 1}}, tick{boot: 2, seq: 1}, []order{advanced, restarted}},
		"old run late": {[]tick{{2, 1, 10, 0}, {1, 8, 5, 1}}, tick{boot: 2, seq: 1}, []order{advanced, late}},
		"replaced run late": {
			[]tick{{1, 1, 0, 0}, {2, 1, 5, 1}, {1, 2, 1, 30}}, tick{boot: 2, seq: 1},
			[]order{advanced, restarted, late},
		},
		"restart with clock back": {
			[]tick{{1, 1, 100, 0}, {2, 1, 50, 1}, {2, 5, 54, 5}}, tick{boot: 2, seq: 5},
			[]order{advanced, late, restarted},
		},
		"two machines with one id": {
			[]tick{{1, 1, 0, 0}, {2, 1, 0, 1}, {2, 2, 1, 1}, {1, 3, 2, 2}, {2, 3, 2, 2}}, tick{boot: 2, seq: 3},
			[]order{advanced, late, restarted, late, advanced},
		},
		"one of two machines stops": {
			[]tick{{1, 1, 0, 0}, {2, 2, 1, 1}, {1, 9, 8, 8}}, tick{boot: 1, seq: 9},
			[]order{advanced, restarted, returned},
		},
	} {
		n := &node{id: "a"}
		for i, k := range c.ticks {
			h := head(k.boot, k.seq, k.time)
			if got := n.hear(&h, at(k.received)); got != c.order[i] {
				t.Errorf("%s: tick %d is %d, want %d", name, i, got, c.order[i])
			}
		}
		if n.newest.Boot != c.want.boot || n.newest.Seq != c.want.seq {
			t.Errorf("%s: the newest is tick %d of run %d", name, n.newest.Seq, n.newest.Boot)
		}
	}
	n := &node{id: "a"}
	for boot := uint64(1); boot < 1000; boot++ {
		h := head(boot, 1, int64(boot))
		n.hear(&h, at(int64(boot)))
	}
	if len(n.replaced) > maxReplaced {
		t.Errorf("%d runs are remembered", len(n.replaced))
	}
}
