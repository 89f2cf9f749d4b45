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
	n.Do(func() {
		there, _ = os.Readlink("/proc/thread-self/ns/net")
		interfaces, err = net.Interfaces()
	})
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
	n.Do(func() { interfaces, err = net.Interfaces() })
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

func TestInNamespaces(t *testing.T) {
	const variable = "DAYTWO_RIG_TEST"
	InNamespaces(t, Mount|PID|Network|UTS, func(t *testing.T) {
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

func TestInNamespacesOfSubtest(t *testing.T) {
	t.Run("a b/c", func(t *testing.T) {
		InNamespaces(t, 0, func(t *testing.T) {})
	})
}
