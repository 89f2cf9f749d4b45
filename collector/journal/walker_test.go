package journal

import "testing"

// appearing is a walker over one entry, which is written after so many looks of all walkers.
type appearing struct {
	looks  *int
	offset uint64
	from   int
}

func (a *appearing) after(at uint64) (uint64, error) {
	*a.looks++
	if *a.looks > a.from && a.offset > at {
		return a.offset, nil
	}
	return 0, nil
}

func (a *appearing) before(uint64) (uint64, error) { return 0, nil }

// Two entries that are written while one part after the other is looked at are found in order.
func TestAnyOfALiveFile(t *testing.T) {
	looks := 0
	f := &File{}
	f.live.Store(true)
	parts := []walker{&appearing{&looks, 100, 1}, &appearing{&looks, 200, 1}}
	w := &anyWalker{f, parts, make([]bool, len(parts))}
	at := uint64(0)
	for _, want := range []uint64{100, 200, 0} {
		got, err := w.after(at)
		if got != want || err != nil {
			t.Fatalf("after %d: %d, %v; want %d", at, got, err, want)
		}
		at = got
	}
}
