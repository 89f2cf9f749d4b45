package journal

import (
	"fmt"
	"testing"
)

// Which says what of the payloads an entry has, also of one that comes to a live file with
// its first entry.
func TestWhich(t *testing.T) {
	dir := t.TempDir()
	s := newSequence(t, dir, ID{1}, 1)
	set := NewPayloads("PRIORITY=1", "PRIORITY=2", "PRIORITY=3")
	s.put("system.journal", "PRIORITY=2")
	r := openDir(t, dir).Reader(Match{})
	defer r.Close()
	if _, err := r.Which(set); err == nil {
		t.Error("an answer without an entry")
	}
	for i, want := range []int{1, 0, -1, 2, 1} {
		if i > 0 {
			s.put("system.journal", fmt.Sprint("PRIORITY=", want+1))
		}
		if !r.Next() {
			t.Fatal("no entry")
		}
		if got, err := r.Which(set); got != want || err != nil {
			t.Errorf("entry %d has payload %d, want %d, error %v", i, got, want, err)
		}
	}
}
