package host

import (
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// shot is a copy of a table, which stays valid after the next Read. Its maps are by the
// key of a row.
type shot struct {
	gen  uint64
	ids  map[string]uint64
	vals map[string][]int64
}

func shoot(r *Reader, k metric.Kind) shot {
	for _, table := range r.Read(time.Now()) {
		if table.Kind == k {
			s := shot{table.Gen, map[string]uint64{}, map[string][]int64{}}
			for i, row := range table.Rows {
				s.ids[row.Key], s.vals[row.Key] = row.ID, append([]int64(nil), table.Row(i)...)
			}
			return s
		}
	}
	return shot{}
}

func TestInterfacesComeAndGo(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		r := open(t, Options{})
		s := shoot(r, metric.Interface)
		if len(s.ids) != 1 || s.ids["lo"] == 0 {
			t.Fatalf("a new network namespace has %v", s.ids)
		}
		gen, lo := s.gen, s.ids["lo"]

		rig.IP(t, "link add test.0 type veth peer name test.1")
		rig.IP(t, "link set test.0 mtu 1280 txqueuelen 77 up")
		rig.IP(t, "link set test.1 up")
		s = shoot(r, metric.Interface)
		first := s.ids["test.0"]
		if first == 0 || s.ids["test.1"] == 0 || s.gen == gen || s.ids["lo"] != lo {
			t.Fatalf("after veth was added: gen %d, %v", s.gen, s.ids)
		}
		// The kernel updates the operational state a little later (net/core/link_watch.c).
		v := s.vals["test.0"]
		for range 300 {
			if v[metric.IfUp] == 1 {
				break
			}
			time.Sleep(10 * time.Millisecond)
			v = shoot(r, metric.Interface).vals["test.0"]
		}
		if v[metric.IfUp] != 1 || v[metric.IfCarrier] != 1 || v[metric.IfMTU] != 1280 ||
			v[metric.IfTxQueueLen] != 77 || v[metric.IfProtocolType] != 1 {
			t.Errorf("attributes of a veth: %v", v[metric.IfUp:])
		}
		if v[metric.IfSpeed] != 10_000_000_000/8 {
			t.Errorf("speed of a veth is %d bytes/s, the kernel says 10 Gbit/s", v[metric.IfSpeed])
		}
		i, err := net.InterfaceByName("test.0")
		if err != nil || v[metric.IfIndex] != int64(i.Index) {
			t.Errorf("index %d, want %v (%v)", v[metric.IfIndex], i, err)
		}
		gen = s.gen
		if s = shoot(r, metric.Interface); s.gen != gen {
			t.Error("the generation moved though nothing changed")
		}

		// An interface that goes down shows that with its state, without waiting for the
		// next reading of its attributes.
		rig.IP(t, "link set test.1 down")
		for range 25 {
			if v = shoot(r, metric.Interface).vals["test.0"]; v[metric.IfUp] == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if v[metric.IfUp] != 0 || v[metric.IfCarrier] != 0 {
			t.Errorf("after its peer went down: %v", v[metric.IfUp:])
		}
		// A change of the MTU has no effect on the state, so it is seen after linkRefresh
		// ticks at the latest.
		rig.IP(t, "link set test.0 mtu 1400")
		for range linkRefresh {
			v = shoot(r, metric.Interface).vals["test.0"]
		}
		if v[metric.IfMTU] != 1400 {
			t.Errorf("MTU %d after %d ticks", v[metric.IfMTU], linkRefresh)
		}

		// An interface is replaced by one with the same name between two ticks, and no
		// counter falls.
		gen = shoot(r, metric.Interface).gen
		rig.IP(t, "link del test.0")
		rig.IP(t, "link add test.0 type veth peer name test.1")
		s = shoot(r, metric.Interface)
		if s.ids["test.0"] == first || s.gen == gen || s.ids["lo"] != lo {
			t.Errorf("made anew under its name: row %d was %d, gen %d was %d", s.ids["test.0"], first, s.gen, gen)
		}
		if s.vals["test.0"][metric.IfMTU] != 1500 {
			t.Errorf("the new interface has the old MTU: %d", s.vals["test.0"][metric.IfMTU])
		}

		rig.IP(t, "link del test.0")
		fds := len(must(os.ReadDir("/proc/self/fd")))
		s = shoot(r, metric.Interface)
		if len(s.ids) != 1 || s.ids["lo"] != lo {
			t.Errorf("after all are gone: %v", s.ids)
		}
		if now := len(must(os.ReadDir("/proc/self/fd"))); now != fds-2 {
			t.Errorf("%d descriptors were let go of, want 2", fds-now)
		}
	})
}

func TestTrafficIsCounted(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		rig.IP(t, "link set lo up")
		r := open(t, Options{})
		before := shoot(r, metric.Host).vals[""]
		lo := shoot(r, metric.Interface).vals["lo"]
		in := must(net.ListenPacket("udp", "127.0.0.1:0"))
		defer in.Close()
		out := must(net.Dial("udp", in.LocalAddr().String()))
		defer out.Close()
		const packets, size = 100, 472
		for range packets {
			must(out.Write(make([]byte, size)))
			if _, _, err := in.ReadFrom(make([]byte, 512)); err != nil {
				t.Fatal(err)
			}
		}
		after := shoot(r, metric.Host).vals[""]
		now := shoot(r, metric.Interface).vals["lo"]
		for c, want := range map[int]int64{
			metric.HostUdpInDatagrams: packets, metric.HostUdpOutDatagrams: packets, metric.HostSockUDPInUse: 2,
		} {
			if d := after[c] - before[c]; d != want {
				t.Errorf("%s rose by %d, want %d", metric.Columns(metric.Host)[c].Name, d, want)
			}
		}
		for c, want := range map[int]int64{
			metric.IfTxPackets: packets, metric.IfRxPackets: packets, metric.IfTxBytes: packets * (size + 28),
		} {
			if d := now[c] - lo[c]; d != want {
				t.Errorf("lo %s rose by %d, want %d", metric.Columns(metric.Interface)[c].Name, d, want)
			}
		}
	})
}

func TestKernelMounts(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		dir := t.TempDir() + "/with space \\ and \xff"
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		key := valid(dir)
		r := open(t, Options{})
		s := shoot(r, metric.Filesystem)
		if s.ids["/"] == 0 || s.ids[key] != 0 {
			t.Fatalf("mounts at start: %v", s.ids)
		}
		gen, root := s.gen, s.ids["/"]
		mount := func(size string, flags uintptr) {
			t.Helper()
			if err := unix.Mount("mem", dir, "tmpfs", flags, "nr_inodes=100,size="+size); err != nil {
				t.Fatal(err)
			}
		}
		mount("1m", 0)
		s = shoot(r, metric.Filesystem)
		first := s.ids[key]
		if first == 0 || s.gen == gen || s.ids["/"] != root {
			t.Fatalf("after a mount: gen %d, %v", s.gen, s.ids)
		}
		v := s.vals[key]
		if v[metric.FSSize] != 1<<20 || v[metric.FSFiles] != 100 || v[metric.FSFilesUsed] != 1 ||
			v[metric.FSReadOnly] != 0 || v[metric.FSUsed] != 0 {
			t.Errorf("an empty tmpfs of 1 MiB and 100 inodes: %v", v)
		}
		if err := os.WriteFile(dir+"/file", make([]byte, 100<<10), 0o644); err != nil {
			t.Fatal(err)
		}
		gen = s.gen
		s = shoot(r, metric.Filesystem)
		if v = s.vals[key]; v[metric.FSUsed] != 100<<10 || v[metric.FSFilesUsed] != 2 || s.gen != gen {
			t.Errorf("after a file of 100 KiB: %v, gen %d was %d", v, s.gen, gen)
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		if s = shoot(r, metric.Filesystem); s.vals[key][metric.FSReadOnly] != 1 || s.ids[key] != first {
			t.Errorf("remounted read-only: %v, row %d was %d", s.vals[key], s.ids[key], first)
		}
		// A second mount on the same mount point hides the first. After its unmount, the
		// first is shown again.
		mount("2m", 0)
		if s = shoot(r, metric.Filesystem); s.vals[key][metric.FSSize] != 2<<20 || s.ids[key] == first {
			t.Errorf("mounted over: %v, row %d", s.vals[key], s.ids[key])
		}
		if err := unix.Unmount(dir, 0); err != nil {
			t.Fatal(err)
		}
		if s = shoot(r, metric.Filesystem); s.vals[key][metric.FSSize] != 1<<20 {
			t.Errorf("uncovered: %v", s.vals[key])
		}
		// The reader must not prevent the unmount.
		if err := unix.Unmount(dir, 0); err != nil {
			t.Fatalf("umount: %v", err)
		}
		if s = shoot(r, metric.Filesystem); s.ids[key] != 0 || s.ids["/"] != root {
			t.Errorf("after umount: %v", s.ids)
		}
	})
}
