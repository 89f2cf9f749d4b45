package containers

import (
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// cable connects the network namespaces of two containers by a veth pair.
func cable(t testing.TB, a, b *rig.Container) {
	t.Helper()
	inside := []*rig.Netns{a.Netns(t), b.Netns(t)}
	inside[0].IP(t, "link add eth0 type veth peer name eth0 netns "+strconv.Itoa(b.PID))
	for i, n := range inside {
		n.IP(t, "link set lo up")
		n.IP(t, "addr add 10.99.0."+strconv.Itoa(i+1)+"/24 dev eth0")
		n.IP(t, "link set eth0 up")
	}
}

type fleet struct {
	paths []string
	ids   []*Identity
}

func (f *fleet) each(yield func(string, *Identity) bool) {
	for i, p := range f.paths {
		if !yield(p, f.ids[i]) {
			return
		}
	}
}

func (f *fleet) add(path string, id *Identity) {
	f.paths, f.ids = append(f.paths, path), append(f.ids, id)
}

func row(t testing.TB, n *NetTable, path, iface string) []int64 {
	t.Helper()
	w := metric.Width(metric.ContainerNet)
	for i, r := range n.Rows {
		if r.Path == path && r.Interface == iface {
			return n.Vals[i*w : (i+1)*w]
		}
	}
	t.Fatalf("no row %s %s in %v", path, iface, n.Rows)
	return nil
}

func TestNet(t *testing.T) {
	d := rig.Docker(t)
	a, b := d.Run(t, rig.Spec{}), d.Run(t, rig.Spec{})
	host := d.Run(t, rig.Spec{HostNet: true})
	beside := d.Run(t, rig.Spec{Network: "container:" + a.ID})
	cable(t, a, b)
	o := none()
	o.DockerHost = d.Socket
	r := start(t, o)
	connected(t, r, "docker")
	var f fleet
	for _, c := range []*rig.Container{beside, a, b, host} {
		f.add(c.Cgroup, follow(t, r, c.Cgroup, named(c.Name)))
	}
	f.add("/", r.Resolve("/"))

	n := NewNetReader("")
	defer n.Close()
	first := n.Read(f.each)
	want := []NetRow{{a.Cgroup, "eth0"}, {b.Cgroup, "eth0"}}
	if diff := cmp.Diff(want, first.Rows); diff != "" {
		t.Fatal(diff)
	}
	gen := first.Gen
	was := append([]int64(nil), row(t, first, a.Cgroup, "eth0")...)

	ping := a.Netns(t).Command("busybox", "ping", "-q", "-c", "10", "-i", "0.01", "-s", "1000", "10.99.0.2")
	if out, err := ping.CombinedOutput(); err != nil {
		t.Fatalf("ping: %v\n%s", err, out)
	}
	now := n.Read(f.each)
	if now.Gen != gen {
		t.Error("Gen rose although no row came or went")
	}
	va, vb := row(t, now, a.Cgroup, "eth0"), row(t, now, b.Cgroup, "eth0")
	for _, c := range []struct {
		bytes, packets int
	}{{metric.NetTxBytes, metric.NetTxPackets}, {metric.NetRxBytes, metric.NetRxPackets}} {
		if db, dp := va[c.bytes]-was[c.bytes], va[c.packets]-was[c.packets]; db < 10*1028 || dp < 10 || db > 40_000 ||
			dp > 100 {
			t.Errorf("column %d: %d bytes, %d packets for 10 pings of 1028 bytes", c.bytes, db, dp)
		}
	}
	if va[metric.NetTxPackets] != vb[metric.NetRxPackets] || va[metric.NetTxBytes] != vb[metric.NetRxBytes] {
		t.Errorf("what a sent is not what b received: %v, %v", va, vb)
	}
	// Compare with the kernel's text, parsed in the simplest way.
	text, err := os.ReadFile("/proc/" + strconv.Itoa(a.PID) + "/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		name, vals, rest, ok := parseNetDev(text)
		if text = rest; ok && string(name) == "eth0" {
			if diff := cmp.Diff(va, vals[:]); diff != "" {
				t.Error(diff)
			}
		}
	}

	// When a container ends, its row disappears and its descriptor is closed.
	b.Stop()
	f.paths, f.ids = append(f.paths[:2:2], f.paths[3:]...), append(f.ids[:2:2], f.ids[3:]...)
	if after := n.Read(f.each); after.Gen == gen || len(after.Rows) != 0 && after.Rows[0].Path == b.Cgroup {
		t.Errorf("after b ended: %+v", after)
	}
	if n.open != 1 || len(n.entries) != 3 {
		t.Errorf("%d descriptors, %d containers, want 1 and 3", n.open, len(n.entries))
	}
}

// TestNetOwner tests pods: the rows belong to the sandbox, whatever the order of the
// containers.
func TestNetOwner(t *testing.T) {
	d := rig.Runc(t)
	c := d.Run(t, rig.Spec{})
	c.Netns(t).IP(t, "link add eth0 type veth peer name eth1")
	n := NewNetReader("")
	defer n.Close()
	app := &Identity{ContainerID: "app", PID: c.PID}
	var b builder
	b.add("container", "POD")
	pause := &Identity{ContainerID: "pause", PID: c.PID, Labels: b.sorted()}
	f := fleet{[]string{"/pod/app", "/pod/pause"}, []*Identity{app, pause}}
	if got := n.Read(f.each).Rows; len(got) != 2 || got[0].Path != "/pod/pause" {
		t.Errorf("rows %v, want those of /pod/pause", got)
	}
	f = fleet{[]string{"/pod/app"}, []*Identity{app}}
	if got := n.Read(f.each).Rows; len(got) != 2 || got[0].Path != "/pod/app" {
		t.Errorf("rows %v, want those of /pod/app", got)
	}
	// Above the limit on open descriptors, the counters are still read.
	n.Close()
	n.maxOpen = 0
	if got := n.Read(f.each).Rows; len(got) != 2 || n.open != 0 {
		t.Errorf("rows %v, %d open", got, n.open)
	}
}

func FuzzNetDev(f *testing.F) {
	f.Add([]byte("Inter-|   Receive\n face |bytes\n    lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n  eth0:9999999999 1 2 3 4 5 " +
		"6 7 18446744073709551615 9 10 11 12 13 14 15\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			name, vals, rest, ok := parseNetDev(b)
			if len(rest) >= len(b) {
				t.Fatal("no progress")
			}
			if ok && len(name) == 0 {
				t.Fatal("no name")
			}
			for _, v := range vals {
				if ok && v < 0 {
					t.Fatalf("value %d", v)
				}
			}
			b = rest
		}
	})
}
