package rig

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestKernelPackages(t *testing.T) {
	search := `linux-image-6.12-cloud-amd64 - Linux for x86-64 cloud (meta-package)
linux-image-6.1.0-9-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)
linux-image-6.1.0-56-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)
linux-image-6.1.0-56-cloud-amd64-dbg - Debug symbols
linux-image-6.1.0-57-cloud-amd64-unsigned - Linux 6.1 for x86-64 cloud
linux-image-6.12.99+deb12-cloud-amd64 - Linux 6.12 for x86-64 cloud (signed)
linux-image-6.12.115+deb12-cloud-amd64 - Linux 6.12 for x86-64 cloud (signed)
linux-image-cloud-amd64 - Linux for x86-64 cloud (meta-package)
`
	check := func(series string, want ...string) {
		t.Helper()
		if got := kernelPackages(search, series); !slices.Equal(got, want) {
			t.Errorf("series %s: got %q, want %q", series, got, want)
		}
	}
	check("6.1", "linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-9-cloud-amd64")
	check("6.12", "linux-image-6.12.115+deb12-cloud-amd64", "linux-image-6.12.99+deb12-cloud-amd64")
	check("6.6")
}

// A VM runs programs one after the other, with their arguments, environment and files,
// and returns their output and exit status.
func TestKernelRun(t *testing.T) {
	kernels := Kernels(t)
	probe := filepath.Join(t.TempDir(), "probe")
	if err := goBuild(probe, "./testdata/probe", []string{"CGO_ENABLED=0", "GOARCH=amd64"}, "build",
		"-trimpath"); err != nil {
		t.Fatal(err)
	}
	for _, k := range kernels {
		t.Run(k.Series, func(t *testing.T) {
			check := func(o RunOptions, want ...string) {
				t.Helper()
				o.Env = []string{"RIG_TEST=1 2"}
				o.Programs = []Program{{Binary: requireBusybox(t), Args: []string{"true"}, Dir: "/"},
					{Binary: probe, Args: []string{"a b", "it's"}}}
				results := k.Run(t, o)
				if first := results[0]; first.Exit != 127 || !strings.Contains(first.Output, "applet not found") {
					t.Errorf("a busybox of another name: %+v", first)
				}
				out := results[1].Output
				if exit := results[1].Exit; exit != 3 {
					t.Errorf("exit status %d, want 3", exit)
				}
				want = append(want, "/proc/sys/kernel/osrelease: "+k.Release, `args: ["a b" "it's"]`, "env: 1 2", "btf: yes",
					"/disk ext4 rw")
				for _, w := range want {
					if !strings.Contains(out, w) {
						t.Errorf("the output lacks %q", w)
					}
				}
				if t.Failed() {
					t.Log(out)
				}
			}
			check(RunOptions{}, "subtree_control: cpuset cpu io memory hugetlb pids")
			if k.V1 {
				check(RunOptions{Hybrid: true}, "/sys/fs/cgroup/unified cgroup2", "hierarchical_memory_limit")
			}
		})
	}
}
