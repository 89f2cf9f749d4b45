package journal

import (
	"fmt"
	"testing"
)

// Ids and numbers are written as fmt writes them.
func TestHexDigits(t *testing.T) {
	rng := newEntryMaker(1)
	numbers := []uint64{0, 1, 9, 10, 15, 16, 0x0f1e2d3c4b5a6978, 1<<64 - 1}
	for i := range 1000 {
		numbers = append(numbers, rng.Uint64()>>(i%64))
	}
	for _, n := range numbers {
		if got, want := string(appendHex(nil, n)), fmt.Sprintf("%x", n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
		var id ID
		le.PutUint64(id[:], n)
		le.PutUint64(id[8:], rng.Uint64())
		if got, want := string(id.append(nil)), fmt.Sprintf("%x", id[:]); got != want {
			t.Errorf("an id is %s, want %s", got, want)
		}
	}
}
