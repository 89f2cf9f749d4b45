package enter

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func own(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\tx\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n" +
		"CapInh:\t1\nCapPrm:\t2\nCapEff:\t3\nCapBnd:\t1ffffffffff\nCapAmb:\t5\n" +
		"NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n" +
		"Speculation_Store_Bypass:\tthread vulnerable\n"
	want := status{uids: [4]uint32{1, 2, 3, 4}, gids: [4]uint32{5, 6, 7, 8}, groups: []uint32{9, 10}, umask: 18,
		inheritable: 1, permitted: 2, effective: 3, bounding: 1<<41 - 1, ambient: 5, noNewPrivs: true, seccomp: 2,
		filterCount: 3,
		specAllowed: true}
	if got, err := parseStatus(text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	// A field that is missing, or no number, is never taken for 0.
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(line, ":")
		if key == "Name" || key == "Seccomp_filters" || key == "Speculation_Store_Bypass" {
			continue
		}
		if _, err := parseStatus(strings.Replace(text, line, "", 1)); err == nil {
			t.Errorf("without %s", key)
		}
		if _, err := parseStatus(strings.Replace(text, line, key+":\tx\n", 1)); err == nil && key != "NoNewPrivs" {
			t.Errorf("with a bad %s", key)
		}
	}
	got, err := parseStatus(strings.Replace(text, "Seccomp_filters:\t3\n", "", 1))
	if err != nil || got.filterCount != -1 {
		t.Errorf("an old kernel: %+v, %v", got, err)
	}
}

func TestParseLimits(t *testing.T) {
	text := own(t, "limits")
	got, err := parseLimits(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		var want unix.Rlimit
		if err := unix.Prlimit(0, i, nil, &want); err != nil {
			t.Fatal(err)
		}
		if got[i] != want {
			t.Errorf("%s: %v, the kernel has %v", limitNames[i], got[i], want)
		}
	}
	if _, err := parseLimits(strings.Replace(text, "Max open files", "Max of something", 1)); err == nil {
		t.Error("a limit that is missing is not noticed")
	}
}

func TestIDMap(t *testing.T) {
	m, err := parseIDMap("         0       1000          1\n         1     100000      65536\n")
	if err != nil {
		t.Fatal(err)
	}
	for in, out := range map[uint32]uint32{0: 1000, 1: 100000, 65536: 165535} {
		if got, ok := m.outside(in); got != out || !ok {
			t.Errorf("%d is %d outside", in, got)
		}
		if got, ok := m.inside(out); got != in || !ok {
			t.Errorf("%d is %d inside", out, got)
		}
	}
	for _, id := range []uint32{65537, ^uint32(0)} {
		if got, ok := m.outside(id); ok {
			t.Errorf("%d is %d outside", id, got)
		}
	}
	if _, ok := m.inside(0); ok {
		t.Error("root of the host is mapped")
	}
	whole, err := parseIDMap("0 0 4294967295\n")
	if got, ok := whole.inside(4294967294); err != nil || got != 4294967294 || !ok {
		t.Errorf("%d, %v, %v", got, ok, err)
	}
}

func TestEnviron(t *testing.T) {
	got := environ([]string{"A=1", "HOME=", "B=2", "bad", "=x", "A=3"}, []string{"B=", "C=4"}, true, "/home")
	want := []string{"A=3", "HOME=/home", "B=", "C=4", "TERM=xterm"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := environ(nil, []string{"TERM=vt", "HOME=/x"}, true, "/"); !slices.Equal(got, []string{"TERM=vt", "HOME=/x"}) {
		t.Errorf("%q", got)
	}
	for command, want := range map[string][]string{"x": {"/a/x", "./x", "/b/x"}, "./x": {"./x"}, "/x": {"/x"}} {
		if got := candidates(command, []string{"PATH=/a::/b"}); !slices.Equal(got, want) {
			t.Errorf("%s: %q", command, got)
		}
	}
}

func TestCgroupPaths(t *testing.T) {
	all := parseCgroups("9:name=systemd:/a\n4:cpu,cpuacct:/x:y\n0::/b (deleted)\nbad\n")
	mounts := []cgroupMount{{false, "/", "/m/systemd", []string{"rw", "name=systemd"}},
		{false, "/", "/m/cpu", []string{"rw", "cpu", "cpuacct"}}, {true, "/b", "/m/v2", []string{"rw"}}}
	want := []string{"/m/systemd/a", "/m/cpu/x:y", "/m/v2"}
	for i, h := range all {
		if got := h.mounted(mounts); got != want[i] {
			t.Errorf("%+v is at %q, want %q", h, got, want[i])
		}
	}
	if len(all) != len(want) {
		t.Errorf("%+v", all)
	}
	if got := (hierarchy{path: "/bb"}).mounted(mounts); got != "" {
		t.Errorf("/bb is at %q", got)
	}
}

// Whatever a container or a kernel writes, parsers end, without more than they may keep.
func FuzzParsers(f *testing.F) {
	for _, name := range []string{"status", "limits", "cgroup", "stat", "uid_map", "environ"} {
		f.Add(own(f, name))
	}
	f.Add("root:x:0:0:root:/root:/bin/sh\nbad\n#c:x:1:2\nx:x:99999999999:1\n")
	f.Add("wheel:x:10:root,anna\n:::\n")
	f.Add("1 (a) b) S 1 2")
	f.Fuzz(func(t *testing.T, text string) {
		parseStatus(text)
		parseLimits(text)
		parseCgroups(text)
		parseStat([]byte(text))
		executed([]byte(text))
		splitEnviron(text)
		if m, err := parseIDMap(text); err == nil {
			for _, r := range m {
				if out, ok := m.outside(r.inside); ok {
					if _, ok := m.inside(out); !ok {
						t.Errorf("%v: %d maps to %d, and nothing back", m, r.inside, out)
					}
				}
			}
		}
		a, ok, _ := findAccount(strings.NewReader(text), func(account) bool { return true })
		if ok && strings.Contains(a.name, ":") {
			t.Errorf("%+v", a)
		}
		readGroups(strings.NewReader(text), "root", "wheel")
	})
}
