package origin

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

func newTable(t *testing.T, c Config) *Table {
	t.Helper()
	c.NoBPF = true
	if c.Ports.IsZero() {
		c.Ports = rig.Ports(t, 100)
	}
	if c.Open == nil {
		c.Open = func(uint16) error { return nil }
	}
	tab, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tab.CloseAll() })
	return tab
}

// The container named by a line is used if no better source knows the sender.
func TestFields(t *testing.T) {
	tab := newTable(t, Config{})
	tab.Containers([]Container{
		{ID: "aaa", Cgroups: []string{"/a"}, PodUID: "u-1", Name: "web"},
		{ID: "bbb", Cgroups: []string{"/b"}},
	})
	x := tab.index.Load()
	a, b := x.byID["aaa"], x.byID["bbb"]
	x.inodes.once.Do(func() { x.inodes.origin = map[uint64]Origin{4711: b} }) // as of a cgroup's directory
	named := func(packet Origin, c, e, entity string, want Origin, conflicts, unknown uint64) {
		t.Helper()
		before := tab.Counts()
		if got := tab.Fields(packet, []byte(c), []byte(e), []byte(entity)); got != want {
			t.Errorf("%d with c:%s e:%s is of %d, want %d", packet, c, e, got, want)
		}
		if n := tab.Counts(); n.Conflicts-before.Conflicts != conflicts || n.Unknown-before.Unknown != unknown {
			t.Errorf("c:%s e:%s: conflicts and unknown %+v, before %+v", c, e, n, before)
		}
	}
	check := func(packet Origin, c, e string, want Origin, conflicts, unknown uint64) {
		t.Helper()
		named(packet, c, e, "", want, conflicts, unknown)
	}
	check(0, "", "", 0, 0, 0)
	check(0, "aaa", "", a, 0, 0)
	check(0, "ci-aaa", "", a, 0, 0)
	check(0, "in-4711", "", b, 0, 0)
	check(0, "ci-nowhere,in-4711", "", b, 0, 0)
	check(0, "in-9,ci-aaa", "", a, 0, 0)
	check(0, "", "it-false,cn-web,pu-u-1", a, 0, 0)
	check(0, "", "it-false,cn-other,pu-u-1", 0, 0, 1)
	check(0, "in-x", "", 0, 0, 1)
	check(0, "ci-bad/../id", "", 0, 0, 1)
	named(0, "", "", "u-1", a, 0, 0)
	named(0, "", "", "none", 0, 0, 0)
	named(0, "", "", "u-nobody", 0, 0, 1)
	named(0, "ci-bbb", "", "u-1", b, 0, 0)                 // c ranks above
	named(0, "", "it-false,cn-web,pu-u-1", "u-x", a, 0, 0) // e ranks above
	named(0, "ci-elsewhere", "", "u-1", a, 0, 0)
	named(b, "", "", "u-1", b, 0, 0) // the sender is known
	check(a, "aaa", "", a, 0, 0)
	check(a, "bbb", "", a, 1, 0)
	check(a, "ci-nowhere", "", a, 0, 0)

	claimed := tab.Fields(0, []byte("ci-later"), nil, nil)
	if info, ok := tab.Info(claimed); !ok || !info.Claimed || info.ContainerID != "later" {
		t.Errorf("a claimed container is %+v", info)
	}
	tab.Containers([]Container{{ID: "later", Cgroups: []string{"/later"}}})
	if info, _ := tab.Info(claimed); info.Claimed || info.Cgroup != "/later" {
		t.Errorf("known since: %+v", info)
	}
	for i := range 2 * maxClaims {
		tab.Fields(0, fmt.Append(nil, "made-up-", i), nil, nil)
	}
	if n := tab.Counts().Unknown; n < maxClaims || len(tab.index.Load().byID) > maxClaims+8 {
		t.Errorf("made-up containers: %d not taken, %d kept", n, len(tab.index.Load().byID))
	}
}

// A pod of several containers is identified by its own cgroup, whose row has its labels.
func TestPodEntity(t *testing.T) {
	tab := newTable(t, Config{})
	pod := []Container{
		{ID: "pause", Cgroups: []string{"/kubepods/pod1/pause"}, PodUID: "u-1", Name: "POD"},
		{ID: "web", Cgroups: []string{"/kubepods/pod1/web"}, PodUID: "u-1", Name: "web"},
		{ID: "side", Cgroups: []string{"/kubepods/pod1/side"}, PodUID: "u-1", Name: "side"},
	}
	who := func() Info {
		t.Helper()
		info, _ := tab.Info(tab.Fields(0, nil, nil, []byte("u-1")))
		return info
	}
	tab.Containers(pod[:2])
	if info := who(); info.ContainerID != "web" {
		t.Errorf("of one container: %+v", info)
	}
	tab.Containers(pod)
	for range 2 {
		if info := who(); info.ContainerID != "" || info.Cgroup != "/kubepods/pod1" {
			t.Errorf("of two containers: %+v", info)
		}
	}
	tab.Containers(nil)
	if info := who(); info.Cgroup != "" || tab.Counts().Unknown != 1 {
		t.Errorf("gone: %+v", info)
	}
}

// Numbers are reused after they are released, unless something still uses them.
func TestRelease(t *testing.T) {
	tab := newTable(t, Config{})
	tab.Containers([]Container{{ID: "a"}, {ID: "b"}})
	a := tab.index.Load().byID["a"]
	tab.Release(a)
	if _, ok := tab.Info(a); !ok {
		t.Error("a running container was released")
	}
	tab.Containers([]Container{{ID: "b"}})
	tab.Release(a)
	if info, ok := tab.Info(a); ok {
		t.Errorf("still there: %+v", info)
	}
	tab.Containers([]Container{{ID: "b"}, {ID: "c"}})
	if c := tab.index.Load().byID["c"]; c != a {
		t.Errorf("c is %d, want %d again", c, a)
	}
}

// Containers that come and go without sending anything leave nothing behind.
func TestUnused(t *testing.T) {
	tab := newTable(t, Config{})
	kept := Origin(0)
	keep := func(o Origin) bool { return o == kept }
	tab.Containers([]Container{{ID: "a", Cgroups: []string{"/a"}}, {ID: "b", Cgroups: []string{"/b"}},
		{ID: "c", Cgroups: []string{"/c"}}})
	x := tab.index.Load()
	a, b, c := x.byID["a"], x.byID["b"], x.byID["c"]
	kept = b
	tab.Containers([]Container{{ID: "c", Cgroups: []string{"/c"}}})
	tab.Unused(keep)
	if _, ok := tab.Info(a); !ok {
		t.Error("a container that has just gone was released: its last packets may be on their way")
	}
	tab.Unused(keep)
	if info, ok := tab.Info(a); ok {
		t.Errorf("still there: %+v", info)
	}
	for _, o := range []Origin{b, c} {
		if _, ok := tab.Info(o); !ok {
			t.Errorf("%d was released: it runs, or something of it is kept", o)
		}
	}
	for i := range 1000 {
		tab.Containers([]Container{{ID: fmt.Sprint("box-", i), Cgroups: []string{fmt.Sprint("/box/", i)}}})
		tab.Unused(keep)
	}
	if x := tab.index.Load(); len(tab.infos) > 16 || len(x.byID) > 16 || len(x.byPath) > 16 {
		t.Errorf("%d numbers, %d ids, %d paths after containers that sent nothing", len(tab.infos), len(x.byID),
			len(x.byPath))
	}
}

// A container is found by its cgroup's inode, also after the cgroup was created anew.
func TestInodes(t *testing.T) {
	tab := newTable(t, Config{})
	dir := t.TempDir()
	tab.trees[0].dir = dir
	inode := func(path string) []byte {
		if err := os.Mkdir(dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
		ino, ok := tab.trees[0].inode(path)
		if !ok {
			t.Fatal("no inode")
		}
		return fmt.Append(nil, "in-", ino)
	}
	first := inode("/a")
	list := []Container{{ID: "a", Cgroups: []string{"/a"}, Made: 1}}
	tab.Containers(list)
	a := tab.index.Load().byID["a"]
	if got := tab.Fields(0, first, nil, nil); got != a {
		t.Errorf("%s is %d, want %d", first, got, a)
	}
	if err := os.Rename(dir+"/a", dir+"/old"); err != nil {
		t.Fatal(err)
	}
	second := inode("/a")
	tab.Containers(list)
	if got := tab.Fields(0, second, nil, nil); got != 0 {
		t.Errorf("a cgroup that is said to be the same was looked at again: %d", got)
	}
	list[0].Made = 2
	tab.Containers(list)
	if got := tab.Fields(0, second, nil, nil); got != a {
		t.Errorf("%s is %d, want %d", second, got, a)
	}
	if got := tab.Fields(0, first, nil, nil); got != 0 {
		t.Errorf("the cgroup that is gone is still %d", got)
	}
}

func TestCgroupOf(t *testing.T) {
	tab := newTable(t, Config{})
	for file, want := range map[string]string{
		"0::/a/b\n":         "/a/b",
		"0::/\n":            "",
		"0::/a (deleted)\n": "/a",
		"4:memory:/m\n1:cpu,cpuacct:/c\n0::/service\n":       "/m",
		"4:memory:/\n1:cpu,cpuacct:/c\n0::/service\n":        "/c",
		"9:name=systemd:/s\n8:pids:/p:q\n4:memory:/\n0::/\n": "/p:q",
		"": "", "x\n": "", "1:cpu\n": "",
	} {
		if got := tab.cgroupOf([]byte(file)); got != want {
			t.Errorf("%q is in %q, want %q", file, got, want)
		}
	}
}

// A cgroup below a container's belongs to the container; one above it does not.
func TestByPath(t *testing.T) {
	tab := newTable(t, Config{})
	tab.Containers([]Container{{ID: "a", Cgroups: []string{"/k/a"}}})
	x := tab.index.Load().clone()
	a := x.byID["a"]
	for path, want := range map[string]bool{"/k/a": true, "/k/a/init/x": true, "/k": false, "/k/ab": false} {
		if o := tab.byPath(x, path); (o == a) != want || o == 0 {
			t.Errorf("%s is of %d, a is %d", path, o, a)
		}
	}
	if o := tab.byPath(x, "/"); o != 0 {
		t.Errorf("the root is %d", o)
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("ci-aaa,in-12"), []byte("it-true,cn-x,pu-y"))
	tab, err := New(Config{Ports: rig.Ports(f, 100), NoBPF: true, Open: func(uint16) error { return nil }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { tab.CloseAll() })
	f.Fuzz(func(t *testing.T, c, e []byte) {
		tab.Fields(0, c, e, c)
		tab.Fields(1, c, e, c)
		tab.cgroupOf(c)
		unescape(string(c))
	})
}

func FuzzEndpoints(f *testing.F) {
	f.Add([]byte(`[{"container_id":"a","statsd_host":"127.0.0.1","statsd_port":20001,"labels":{"k":"v"}}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseEndpoints(b)
		for _, e := range list {
			if err == nil && (e == nil || strings.ContainsRune(e.ContainerID, '/')) {
				t.Fatalf("took %+v", e)
			}
		}
	})
}
