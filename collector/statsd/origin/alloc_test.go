//go:build !race

package origin

import (
	"fmt"
	"os"
	"testing"

	"github.com/daytwo/daytwo/api/launch"
)

// Finding the sender of a packet does not allocate, by whichever way it is known.
func TestAllocations(t *testing.T) {
	r := newFixture(t, Config{})
	c := r.add(t, launch.Request{ContainerID: "a"})
	path := fmt.Sprintf("/daytwo-test-origin-%d/alloc", os.Getpid())
	dirs := makeCgroup(t, r.table, path)
	p := startSender(t, sending{Cgroups: dirs, Network: "udp", Address: fmt.Sprint("127.0.0.1:", r.udp.Port()),
		Lines: []string{"x"}})
	if info := r.who(t, "x"); info.Cgroup != path {
		t.Fatalf("the packet is of %+v", info)
	}
	known := r.table.Fields(0, []byte("ci-known"), nil, nil)
	byPort, byPID := Sender{Port: c.StatsdPort}, Sender{PID: uint32(p.Process.Pid)}
	field, external := []byte("in-1,ci-known"), []byte("it-false,cn-a,pu-b")
	var o [4]Origin
	n := testing.AllocsPerRun(1000, func() {
		o[0] = r.table.Resolve(&byPort)
		o[2] = r.table.Fields(0, field, nil, nil)
		o[3] = r.table.Fields(0, nil, external, []byte("u-2"))
	})
	if n != 0 || o[0] == 0 || o[2] != known {
		t.Errorf("%v allocations; %v", n, o)
	}
	o[1] = r.table.Resolve(&byPID)
	// The cached process is checked again every two seconds.
	if n := testing.AllocsPerRun(1000, func() { o[1] = r.table.Resolve(&byPID) }); n > 0.1 || o[1] == 0 {
		t.Errorf("by process: %v allocations; %v", n, o)
	}
}
