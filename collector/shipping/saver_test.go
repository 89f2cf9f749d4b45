package shipping

import (
	"testing"
	"time"
)

// While the disk does not respond, positions come and go, and nobody who saves them waits.
func TestSaverNeverWaits(t *testing.T) {
	v := saver{jobs: make(chan place, 2)} // nobody takes the jobs
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range int64(10) {
			v.save(&place{cursor: []byte{byte(i)}, realtime: i + 1}, time.Now(), 0)
		}
		v.last(&place{realtime: 100})
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("saving waits for the disk")
	}
	var saved []int64
	for p := range v.jobs {
		saved = append(saved, p.realtime)
	}
	if len(saved) != 2 || saved[0] != 1 || saved[1] != 100 {
		t.Errorf("the jobs are %v, want the first position and the last one", saved)
	}
}
