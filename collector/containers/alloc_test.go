//go:build !race

package containers

import (
	"os"
	"strconv"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestResolveAllocatesNothing(t *testing.T) {
	r := New(none())
	path := "/docker/" + id64
	r.Resolve(path)
	if n := testing.AllocsPerRun(1000, func() { r.Resolve(path) }); n != 0 {
		t.Errorf("%v allocations a hit", n)
	}
}

func TestNetReadAllocatesNothing(t *testing.T) {
	d := rig.Runc(t)
	var f fleet
	for range 3 {
		c := d.Run(t, rig.Spec{})
		c.Netns(t).IP(t, "link add eth0 type veth peer name eth1")
		f.add(c.Cgroup, &Identity{ContainerID: c.ID, PID: c.PID})
	}
	f.add("/host", &Identity{ContainerID: "host", PID: os.Getpid()})
	n := NewNetReader("")
	defer n.Close()
	each := f.each
	if got := len(n.Read(each).Rows); got != 6 {
		t.Fatalf("%d rows, want 6", got)
	}
	n.Read(each)
	if a := testing.AllocsPerRun(100, func() { n.Read(each) }); a != 0 {
		t.Errorf("%v allocations a reading", a)
	}
}

func BenchmarkResolveHit(b *testing.B) {
	r := New(none())
	var paths []string
	for i := range 1000 {
		paths = append(paths, "/docker/"+id64[:60]+strconv.Itoa(1000+i))
	}
	for _, p := range paths {
		r.Resolve(p)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Resolve(paths[i%len(paths)])
		i++
	}
}

func BenchmarkNetRead(b *testing.B) {
	d := rig.Runc(b)
	c := d.Run(b, rig.Spec{})
	c.Netns(b).IP(b, "link add eth0 type veth peer name eth1")
	f := fleet{[]string{c.Cgroup}, []*Identity{{ContainerID: c.ID, PID: c.PID}}}
	n := NewNetReader("")
	defer n.Close()
	each := f.each
	b.ReportAllocs()
	for b.Loop() {
		n.Read(each)
	}
}
