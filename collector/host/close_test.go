package host

import (
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestCloseLetsGoOfEverything(t *testing.T) {
	fds := func() int { return len(must(os.ReadDir("/proc/self/fd"))) }
	before, goroutines := fds(), runtime.NumGoroutine()
	for range 3 {
		r := must(New(Options{}))
		r.Read(time.Now())
		if fds() <= before {
			t.Fatal("no descriptor is kept")
		}
		r.Close()
	}
	if n := fds(); n != before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
	for range 100 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
}

// doctor and the status route ask while the tick goes on.
func TestStatusDuringRead(t *testing.T) {
	r := open(t, Options{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 20 {
				r.Status()
				r.Read(time.Now())
			}
		})
	}
	wg.Wait()
}
