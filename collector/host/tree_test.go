package host

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

var update = flag.Bool("update", false, "write the golden files")

// tree copies the files of a machine in testdata to a temporary directory, where they
// can be changed. It adds what a repository cannot hold: links, and file names that not
// every system allows.
func tree(t *testing.T, name string) Options {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/"+name)); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"proc/self": "1", "proc/net": "1/net"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return Options{Proc: dir + "/proc", Sys: dir + "/sys", Root: dir + "/root"}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit replaces text in a file in place, so that open descriptors see it.
func edit(t *testing.T, path string, pairs ...string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			t.Fatalf("%s has no %q", path, pairs[i])
		}
	}
	write(t, path, strings.NewReplacer(pairs...).Replace(string(text)))
}

// foreign are the columns of the host whose values are not from files of the tree.
var foreign = map[int]bool{
	metric.HostTime: true, metric.HostTimexOffset: true, metric.HostTimexMaxError: true, metric.HostTimexEstError: true,
	metric.HostTimexStatus: true, metric.HostTimexSync: true, metric.HostTimexTAI: true,
}

func dump(r *Reader) string {
	var b strings.Builder
	for _, table := range r.Read(time.Unix(0, 0)) {
		for i, row := range table.Rows {
			labels := row.Labels
			if table.Kind == metric.Host { // all labels but boot_id are of uname(2), not of the tree
				labels = slices.DeleteFunc(slices.Clone(labels), func(l frame.Label) bool { return l.Name != "boot_id" })
			}
			fmt.Fprintf(&b, "%s %d %q %q\n", table.Kind, row.ID, row.Key, labels)
			for c, v := range table.Row(i) {
				if v != metric.Absent && !(table.Kind == metric.Host && foreign[c]) {
					fmt.Fprintf(&b, "\t%s %d\n", metric.Columns(table.Kind)[c].Name, v)
				}
			}
		}
	}
	for _, s := range r.Status() {
		fmt.Fprintf(&b, "status %s: %s\n", filepath.Base(s.Source), s.Reason)
	}
	return b.String()
}

func TestGoldenTrees(t *testing.T) {
	for _, name := range []string{"odd", "old"} {
		t.Run(name, func(t *testing.T) {
			got := dump(open(t, tree(t, name)))
			file := "testdata/" + name + ".golden"
			if *update {
				write(t, file, got)
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got == string(want) {
				return
			}
			g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range max(len(g), len(w)) {
				if i >= len(g) || i >= len(w) || g[i] != w[i] {
					t.Fatalf("line %d:\n got %q\nwant %q", i+1, g[i:min(i+3, len(g))], w[i:min(i+3, len(w))])
				}
			}
		})
	}
}

// An independent reader, the oracle, gives the same values for the same trees.
func TestTreesAgreeWithOracle(t *testing.T) {
	// The oracle reads these values wrongly. Below, it also fails for some lines, which are
	// removed.
	strange := map[string]bool{"disk/nvme0n1/disk.reads": true, "interface/wl\\xff\\xe9n/net.rx.bytes": true}
	for name, least := range map[string]int{"odd": 1500, "old": 130} {
		t.Run(name, func(t *testing.T) {
			o := tree(t, name)
			if name == "odd" {
				edit(t, o.Proc+"/diskstats", " 77 78 79\n", "\n")
			} else {
				edit(t, o.Proc+"/diskstats", "   8       1 sda1 4 5 6 7\n", "", "   8      33 sdc! 4 5 6 7\n", "")
			}
			got := flat(open(t, o).Read(time.Now()))
			n := 0
			for k, want := range oracle(t, o.Proc, o.Sys) {
				if m := find(k); m == nil || strange[k] {
					continue
				}
				n++
				if v, ok := got[k]; !ok && name == "old" && want == 0 {
					n-- // the oracle returns 0 for values that the kernel does not print
				} else if !ok || v != want {
					t.Errorf("%s = %d (there: %v), want %d", k, v, ok, want)
				}
			}
			if n < least {
				t.Errorf("only %d values compared", n)
			}
			t.Logf("%d values compared", n)
		})
	}
}

// statfs(2) is called with the mount point as the kernel has it, whatever bytes it holds.
func TestFilesystemsOfTree(t *testing.T) {
	o := tree(t, "odd")
	for _, m := range parseMountinfo(must(os.ReadFile(o.Proc + "/1/mountinfo"))) {
		if err := os.MkdirAll(o.Root+m.point, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	table := open(t, o).Read(time.Now())[3]
	var keys []string
	for i, row := range table.Rows {
		keys = append(keys, row.Key)
		v := table.Row(i)
		if v[metric.FSDeviceError] != 0 || v[metric.FSSize] <= 0 {
			t.Errorf("%s: %v", row.Key, v)
		}
		if ro := v[metric.FSReadOnly] == 1; ro != (row.Key == "/mnt/broken") {
			t.Errorf("%s: read-only %v", row.Key, ro)
		}
	}
	want := []string{
		"/", "/mnt/with space", "/mnt/back\\slash\ttab\nline#hash", "/mnt/not-utf8-\\xff\\xfe", "/mnt/broken",
		"/mnt/covered", "/mnt/parent", "/mnt/parent/new", "/mnt/parents", "/mnt/anonymous", "/mnt/nfs",
		"/mnt/sshfs", "/run", "/mnt/bind", "/mnt/dash - dash",
	}
	if !slices.Equal(keys, want) {
		t.Errorf("mount points\n got %q\nwant %q", keys, want)
	}
	for _, row := range table.Rows {
		if row.Key == "/mnt/covered" && row.Label("device") != "/dev/sdf1" {
			t.Errorf("covered by %s", row.Label("device"))
		}
	}
}

// On a virtual machine that runs from its initramfs, the root mount is its own parent.
func TestMountsOfInitramfs(t *testing.T) {
	o := tree(t, "old")
	write(t, o.Proc+"/1/mountinfo",
		"1 1 0:2 / / rw - rootfs none rw,size=1k\n22 1 0:20 / /tmp rw - tmpfs mem rw\n23 22 0:21 / /tmp/x rw - tmpfs mem "+
			"rw\n")
	if s := shoot(open(t, o), metric.Filesystem); len(s.ids) != 3 {
		t.Errorf("mounts %v", s.ids)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
