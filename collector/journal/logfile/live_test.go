package logfile

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A log is written to, rotated and compressed while it is read forward and backward, with
// new readers that go on from cursors: no line is missing, repeated or out of order.
func TestRandomWalk(t *testing.T) {
	w := watcher(t)
	for _, f := range formats {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%v-%d", f, seed), func(t *testing.T) {
				o := Options{}
				if seed%2 == 0 {
					o.Watcher = w
				}
				randomWalk(t, f, seed, o)
			})
		}
	}
}

func randomWalk(t *testing.T, f Format, seed uint64, o Options) {
	rnd := rand.New(rand.NewPCG(seed, 11))
	w := newTestWriter(t, f)
	var want []string
	var open [streams]string
	write := func() {
		s := Stream(rnd.IntN(2))
		text, partial := fmt.Sprint("line ", len(want)), rnd.IntN(5) == 0
		if partial {
			text = piece('a' + byte(len(want)%26))
		}
		w.write(s, text, partial)
		if open[s] += text; !partial {
			want = append(want, show(&Line{Stream: s, Text: []byte(open[s])}))
			open[s] = ""
		}
	}
	r := reader(t, w.log(o))
	behind := 0 // how many lines are behind the reader, with that which was read last
	on := false // one was
	check := func(what string, has bool, i int) {
		t.Helper()
		if is := i >= 0 && i < len(want); has != is || has && show(r.Line()) != want[i] {
			t.Fatalf("%s, %d of %d behind: %v %q", what, behind, len(want), has, show(r.Line()))
		}
		if has {
			behind, on = i+1, true
		}
	}
	previous := func() int {
		if on {
			return behind - 2
		}
		return behind - 1
	}
	write()
	for range 600 {
		switch n := rnd.IntN(20); {
		case n < 8:
			write()
		case n == 8:
			w.rotate(1000, f == CRI && rnd.IntN(2) == 0 || f != CRI && seed%3 == 0)
		case n == 9 && on:
			c, err := ParseCursor(r.Cursor().String())
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			r = reader(t, w.log(o))
			if on = rnd.IntN(2) == 0; on {
				r.SeekCursor(c)
				behind--
			} else {
				r.SeekAfter(c)
			}
			on = false
		case n == 10:
			r.SeekTail()
			behind, on = len(want), false
			if r.Next() { // it settles
				t.Fatalf("behind the last line there is %q", show(r.Line()))
			}
		case n == 11:
			r.SeekHead()
			behind, on = 0, false
		case n < 15:
			check("previous", r.Previous(), previous())
		default:
			check("next", r.Next(), behind)
		}
		noErrors(t, r)
	}
}
