package host

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// descriptors returns the paths of this process's open files, by descriptor.
func descriptors(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]string{}
	for _, e := range entries {
		// This fails for the descriptor that ReadDir itself had open.
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[e.Name()] = to
		}
	}
	return open
}

// opened lists the files that are open now and were not open before.
func opened(t *testing.T, before map[string]string) []string {
	t.Helper()
	var paths []string
	for fd, path := range descriptors(t) {
		if before[fd] != path {
			paths = append(paths, path)
		}
	}
	return slices.Sorted(slices.Values(paths))
}

func TestCloseGivesDescriptorsBack(t *testing.T) {
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	r := must(New(Options{}))
	r.Read(time.Now())
	open := strings.Join(opened(t, before), "\n")
	for _, want := range []string{"/proc", "/stat", "/meminfo", "/net/dev", "/mountinfo", "/class/net", "/lo/operstate"} {
		if !strings.Contains(open+"\n", want+"\n") {
			t.Errorf("%s is not held open, only\n%s", want, open)
		}
	}
	r.Close()
	if left := opened(t, before); len(left) > 0 {
		t.Errorf("still open after Close: %v", left)
	}
	if !maps.Equal(before, descriptors(t)) {
		t.Errorf("descriptors %v, before New %v", descriptors(t), before)
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before New", runtime.NumGoroutine(), goroutines)
		}
	}
}

// A Reader can be closed while a filesystem hangs. The goroutine of the call ends when
// the call returns.
func TestKernelCloseBesideHungFilesystem(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		end := mountFUSE(t, fuseMount{t.TempDir(), "server:/a", never})
		before, goroutines := descriptors(t), runtime.NumGoroutine()
		r := must(New(Options{}))
		r.Read(time.Now())
		r.Close()
		if left := opened(t, before); len(left) > 0 {
			t.Errorf("still open after Close: %v", left)
		}
		end()
		for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines, %d before New", runtime.NumGoroutine(), goroutines)
			}
		}
	})
}

// Status may be called while another goroutine reads.
func TestStatusDuringRead(t *testing.T) {
	r := open(t, Options{})
	r.Read(time.Now())
	want := fmt.Sprint(r.Status())
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 40 {
			if got := fmt.Sprint(r.Status()); got != want {
				t.Errorf("status %s, want %s", got, want)
			}
		}
	})
	for range 40 {
		if tables := r.Read(time.Now()); len(tables) != 6 || tables[0].Kind != metric.Host {
			t.Errorf("%d tables", len(tables))
		}
	}
	wg.Wait()
}
