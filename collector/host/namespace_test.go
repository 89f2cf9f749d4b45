package host

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

const childEnv = "DAYTWO_HOST_TEST_CHILD"

// inNamespaces runs a test as process 1 of its own pid, network and mount
// namespaces, with /proc and /sys of these: a machine that it may change.
func inNamespaces(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	inChild(t, unix.CLONE_NEWPID|unix.CLONE_NEWNS|unix.CLONE_NEWNET|unix.CLONE_NEWUTS, func(t *testing.T) {
		for _, m := range []struct {
			source, target, fsType string
			flags                  uintptr
		}{{"", "/", "", unix.MS_REC | unix.MS_PRIVATE}, {"proc", "/proc", "proc", 0}, {"sysfs", "/sys", "sysfs", 0}} {
			if err := unix.Mount(m.source, m.target, m.fsType, m.flags, ""); err != nil {
				t.Fatalf("mount %s: %v", m.target, err)
			}
		}
		body(t)
	})
}

// inChild runs a test in a process of its own, in new namespaces.
func inChild(t *testing.T, namespaces uintptr, body func(t *testing.T)) {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		body(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: unix.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is of the thread
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) {
		rig.Missing(t, "namespaces", err.Error(), "run the tests as root")
	}
	if err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Skipf("%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// ip runs iproute2 within the namespaces of the test.
func ip(t *testing.T, args string) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		rig.Missing(t, "ip", err.Error(), "apt-get install iproute2")
	}
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		if strings.Contains(string(out), "Unknown device type") || strings.Contains(string(out), "not supported") {
			rig.Unsupported(t, "ip "+args, errors.New(string(out)))
		}
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
}

// A collector in a container with a network namespace of its own, but with the
// host's /proc, shows the host's interfaces and counters.
func TestKernelHostNetworkFromAnotherNamespace(t *testing.T) {
	const names = "DAYTWO_HOST_TEST_INTERFACES"
	if os.Getenv(childEnv) == "" {
		t.Setenv(names, strings.Join(hostInterfaces(t), " "))
	}
	inChild(t, unix.CLONE_NEWNET|unix.CLONE_NEWNS, func(t *testing.T) {
		r := open(t, Options{})
		want := strings.Fields(os.Getenv(names))
		table := r.Read(time.Now())[4]
		var got []string
		for _, row := range table.Rows {
			got = append(got, row.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("interfaces %v, the host has %v", got, want)
		}
		for i, row := range table.Rows {
			v := table.Row(i)
			if r.ifaces.sys == "" {
				if v[metric.IfUp] != metric.Absent || len(r.ifaces.status()) != 1 {
					t.Errorf("%s: %v from a /sys of another namespace, status %v", row.Key, v[metric.IfUp:], r.ifaces.status())
				}
			} else if v[metric.IfUp] == metric.Absent {
				t.Errorf("%s: no state from %s", row.Key, r.ifaces.sys)
			}
		}
		if v := shoot(r, metric.Host).vals[""]; v[metric.HostConntrack] != metric.Absent {
			t.Errorf("conntrack of the collector's own namespace: %d", v[metric.HostConntrack])
		}
	})
}

func hostInterfaces(t *testing.T) []string {
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/1/net/dev"); err != nil {
		t.Skipf("process 1 is out of reach: %v", err)
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// Without any right it still reads what everybody may.
func TestUnprivileged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the other tests run without rights already")
	}
	inChild(t, 0, func(t *testing.T) {
		runtime.LockOSThread()
		if err := syscall.Setgroups(nil); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setresgid(65534, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setresuid(65534, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		r := must(New(Options{}))
		defer r.Close()
		tables := r.Read(time.Now())
		for _, table := range tables {
			if table.Kind != metric.Disk && len(table.Rows) == 0 {
				t.Errorf("%s: no rows; %v", table.Kind, r.Status())
			}
		}
		h := tables[0].Row(0)
		for _, c := range []int{metric.HostCPUUser, metric.HostMemTotal, metric.HostTcpInSegs, metric.HostLoad1, metric.HostUptime, metric.HostProcesses, metric.HostVMPgfault} {
			if h[c] == metric.Absent {
				t.Errorf("%s is absent", metric.Columns(metric.Host)[c].Name)
			}
		}
	})
}

// A collector in a mount namespace of its own (a systemd unit with PrivateTmp,
// a container) shows the host's mounts, not its own.
func TestKernelHostMountsFromAnotherNamespace(t *testing.T) {
	inChild(t, unix.CLONE_NEWNS, func(t *testing.T) {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := unix.Mount("mine", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
		if _, err := os.Stat("/proc/1/ns/mnt"); err != nil {
			rig.Unsupported(t, "the namespaces of process 1", err)
		}
		s := shoot(open(t, Options{}), metric.Filesystem)
		if s.ids["/"] == 0 || s.ids[dir] != 0 {
			t.Errorf("mounts %v", s.ids)
		}
		var st unix.Statfs_t
		if err := unix.Statfs("/proc/1/root/", &st); err != nil {
			t.Fatal(err)
		}
		if v := s.vals["/"]; v[metric.FSDeviceError] != 0 || v[metric.FSSize] != int64(st.Blocks)*st.Frsize {
			t.Errorf("root: %v, want %d blocks of %d", v, st.Blocks, st.Frsize)
		}
	})
}
