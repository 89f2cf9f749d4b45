package rig

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestNetns(t *testing.T) {
	n := NewNetns(t)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var there string
	var interfaces []net.Interface
	if err := n.Do(func() {
		there, _ = os.Readlink("/proc/thread-self/ns/net")
		interfaces, err = net.Interfaces()
	}); err != nil {
		t.Fatal(err)
	}
	if there == own || there == "" {
		t.Errorf("namespace %q, the test's own is %q", there, own)
	}
	if err != nil || len(interfaces) != 1 || interfaces[0].Flags&net.FlagUp == 0 {
		t.Errorf("interfaces %+v, %v", interfaces, err)
	}
	if link, _ := os.Readlink(n.Path()); link != there {
		t.Errorf("%s is %q, want %q", n.Path(), link, there)
	}
	n.IP(t, "link add v0 type veth peer name v1")
	if err := n.Do(func() { interfaces, err = net.Interfaces() }); err != nil {
		t.Fatal(err)
	}
	if err != nil || len(interfaces) != 3 {
		t.Errorf("interfaces %+v, %v", interfaces, err)
	}
	if out, err := n.Command("ip", "-o", "link").Output(); err != nil || strings.Count(string(out), "\n") != 3 {
		t.Errorf("ip link: %v\n%s", err, out)
	}
}

// No thread that was in another namespace runs other goroutines afterwards.
func TestNetnsThreadEnds(t *testing.T) {
	var path string
	t.Run("in", func(t *testing.T) {
		n := NewNetns(t)
		path = n.Path()
	})
	Eventually(t, Ready, func() error {
		if _, err := os.Stat(path); err == nil {
			return os.ErrExist
		}
		return nil
	})
}

func TestNetnsOfProcessThatEnded(t *testing.T) {
	if err := NetnsOf(t,
		1<<22+1).Do(func() { t.Error("in no namespace") }); err == nil { // past the last pid (proc(5), pid_max)
		t.Error("no error")
	}
}

func TestInNamespaces(t *testing.T) {
	const variable = "DAYTWO_RIG_TEST"
	InNamespaces(t, Machine, func(t *testing.T) {
		if os.Getpid() != 1 {
			t.Errorf("pid %d, want 1", os.Getpid())
		}
		if procs, _ := filepath.Glob("/proc/[0-9]*"); len(procs) != 1 {
			t.Errorf("/proc shows %v", procs)
		}
		if all, _ := filepath.Glob("/sys/class/net/*"); len(all) != 1 || !strings.HasSuffix(all[0], "/lo") {
			t.Errorf("/sys shows %v", all)
		}
		dir := t.TempDir()
		SmallDisk(t, dir, "64k")
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil || int64(st.Blocks)*st.Bsize != 64<<10 {
			t.Errorf("disk %+v, %v", st, err)
		}
		if v := os.Getenv(variable); v != "1" {
			t.Errorf("%s is %q", variable, v)
		}
		t.Run("subtest", func(t *testing.T) {})
	}, variable+"=1")
}

// What process 1 has, a process in namespaces within does not lose.
func TestInNamespacesTwice(t *testing.T) {
	InNamespaces(t, Machine, func(t *testing.T) {
		t.Run("inner", func(t *testing.T) {
			InNamespaces(t, Mount, func(t *testing.T) {
				dir := t.TempDir()
				SmallDisk(t, dir, "64k")
				in := func(mounts string) bool {
					b, err := os.ReadFile(mounts)
					if err != nil {
						t.Fatal(err)
					}
					return strings.Contains(string(b), " "+dir+" ")
				}
				if os.Getpid() == 1 || !in("/proc/self/mounts") || in("/proc/1/mounts") {
					t.Errorf("pid %d, mounted here %v, for process 1 %v", os.Getpid(), in("/proc/self/mounts"), in("/proc/1/mounts"))
				}
			})
		})
	})
}

func TestInNamespacesOfSubtest(t *testing.T) {
	t.Run("a b/c", func(t *testing.T) {
		InNamespaces(t, 0, func(t *testing.T) {})
	})
}
