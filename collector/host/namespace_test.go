package host

import (
	"net"
	"os"
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

// A collector in a container that has a network namespace of its own, but the host's
// /proc, shows the host's interfaces and counters.
func TestKernelHostNetworkFromAnotherNamespace(t *testing.T) {
	const names = "DAYTWO_HOST_TEST_INTERFACES"
	var environment []string
	if !rig.InChild(t) {
		environment = []string{names + "=" + strings.Join(hostInterfaces(t), " ")}
	}
	rig.InNamespaces(t, rig.Network|rig.Mount, func(t *testing.T) {
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
			if r.ifaces.ns.sys == "" {
				if v[metric.IfUp] != metric.Absent || len(r.ifaces.status(time.Now())) != 1 {
					t.Errorf("%s: %v from a /sys of another namespace, status %v",
						row.Key, v[metric.IfUp:], r.ifaces.status(time.Now()))
				}
			} else if v[metric.IfUp] == metric.Absent {
				t.Errorf("%s: no state from %s", row.Key, r.ifaces.ns.sys)
			}
		}
		if v := shoot(r, metric.Host).vals[""]; v[metric.HostConntrack] != metric.Absent {
			t.Errorf("conntrack of the collector's own namespace: %d", v[metric.HostConntrack])
		}
	}, environment...)
}

func hostInterfaces(t *testing.T) []string {
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	rig.NeedRoot(t, "reading the network namespace of process 1")
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// Without any capability, a Reader still reads all files that everybody may read.
func TestUnprivileged(t *testing.T) {
	rig.NeedRoot(t, "giving up all rights")
	rig.InNamespaces(t, 0, func(t *testing.T) {
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
		for _, c := range []int{
			metric.HostCPUUser, metric.HostMemTotal, metric.HostTcpInSegs, metric.HostLoad1,
			metric.HostUptime, metric.HostProcesses, metric.HostVMPgfault,
		} {
			if h[c] == metric.Absent {
				t.Errorf("%s is absent", metric.Columns(metric.Host)[c].Name)
			}
		}
	})
}

// A collector in a mount namespace of its own, such as that of a container or of a
// systemd unit with PrivateTmp, shows the host's mounts, not its own.
func TestKernelHostMountsFromAnotherNamespace(t *testing.T) {
	// The outer namespaces stand for the host's. Those of the machine's own process 1 may
	// be inaccessible.
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		t.Run("collector", func(t *testing.T) { rig.InNamespaces(t, rig.Mount, mountsOfHost) })
	})
}

func mountsOfHost(t *testing.T) {
	dir := t.TempDir()
	rig.SmallDisk(t, dir, "64k")
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
}
