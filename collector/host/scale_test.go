package host

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// A container host has an interface for each container: a tick must still be fast.
func TestManyInterfaces(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		const pairs = 200
		var batch strings.Builder
		for i := range pairs {
			fmt.Fprintf(&batch, "link add v%d type veth peer name w%d\n", i, i)
		}
		file := t.TempDir() + "/batch"
		if err := os.WriteFile(file, []byte(batch.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		rig.IP(t, "-batch "+file)
		r := open(t, Options{})
		s := shoot(r, metric.Interface)
		if len(s.ids) != 2*pairs+1 {
			t.Fatalf("%d interfaces", len(s.ids))
		}
		for name, v := range s.vals {
			if v[metric.IfIndex] <= 0 || v[metric.IfMTU] <= 0 || v[metric.IfUp] == metric.Absent {
				t.Errorf("%s: %v", name, v)
			}
		}
		start := time.Now()
		for range linkRefresh {
			r.Read(start)
		}
		t.Logf("%d interfaces: %v a tick", 2*pairs+1, time.Since(start)/linkRefresh)
		fds := len(must(os.ReadDir("/proc/self/fd")))
		batch.Reset()
		for i := range pairs / 2 {
			fmt.Fprintf(&batch, "link del v%d\n", i)
		}
		if err := os.WriteFile(file, []byte(batch.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		rig.IP(t, "-batch "+file)
		after := shoot(r, metric.Interface)
		if len(after.ids) != pairs+1 || after.gen == s.gen {
			t.Errorf("%d interfaces after half of them went, gen %d", len(after.ids), after.gen)
		}
		for name, id := range after.ids {
			if id != s.ids[name] {
				t.Errorf("%s has another row", name)
			}
		}
		if now := len(must(os.ReadDir("/proc/self/fd"))); now != fds-pairs {
			t.Errorf("%d descriptors were let go of, want %d", fds-now, pairs)
		}
	})
}
