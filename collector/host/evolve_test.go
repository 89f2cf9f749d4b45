package host

import (
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

func TestCPUGoesOfflineAndReturns(t *testing.T) {
	o := tree(t, "old")
	r := open(t, o)
	s := shoot(r, metric.CPU)
	zero, one := s.ids["0"], s.ids["1"]
	const line = "cpu1 40 10 100 2000 20 3 3\n"
	edit(t, o.Proc+"/stat", line, "")
	if s = shoot(r, metric.CPU); len(s.ids) != 1 || s.ids["0"] != zero || s.gen != 2 {
		t.Errorf("offline: %v, gen %d", s.ids, s.gen)
	}
	if v := shoot(r, metric.Host).vals[""]; v[metric.HostCPUs] != 1 {
		t.Errorf("%d CPUs online", v[metric.HostCPUs])
	}
	edit(t, o.Proc+"/stat", "intr", line+"intr")
	if s = shoot(r, metric.CPU); s.ids["0"] != zero || s.ids["1"] == 0 || s.ids["1"] == one {
		t.Errorf("online again: %v, was %d", s.ids, one)
	}
}

// The kernel sometimes lowers the idle time: the counter then keeps its value. A larger
// fall is a reset, which makes a new row.
func TestIdleTimeStepsBack(t *testing.T) {
	o := tree(t, "old")
	r := open(t, o)
	first := shoot(r, metric.CPU)
	host := shoot(r, metric.Host).ids[""]
	edit(t, o.Proc+"/stat", "cpu0 60 10 200 2000 30 3 4", "cpu0 61 10 200 1995 29 3 4",
		"cpu  100 20 300 4000", "cpu  101 20 300 3995")
	s := shoot(r, metric.CPU)
	v := s.vals["0"]
	if v[metric.CoreIdle] != 2000*tickNs || v[metric.CoreIowait] != 30*tickNs || v[metric.CoreUser] != 61*tickNs {
		t.Errorf("idle %d, iowait %d, user %d", v[metric.CoreIdle], v[metric.CoreIowait], v[metric.CoreUser])
	}
	if s.ids["0"] != first.ids["0"] || s.gen != first.gen {
		t.Error("a new row for a step of 50 ms")
	}
	h := shoot(r, metric.Host)
	if h.ids[""] != host || h.vals[""][metric.HostCPUIdle] != 4000*tickNs {
		t.Errorf("host row %d was %d, idle %d", h.ids[""], host, h.vals[""][metric.HostCPUIdle])
	}
	edit(t, o.Proc+"/stat", "cpu0 61 10 200 1995", "cpu0 61 10 200 1")
	s = shoot(r, metric.CPU)
	if s.ids["0"] == first.ids["0"] || s.ids["1"] != first.ids["1"] || s.vals["0"][metric.CoreIdle] != tickNs {
		t.Errorf("after a reset: %v, was %v, idle %d", s.ids, first.ids, s.vals["0"][metric.CoreIdle])
	}
	if s.vals["0"][metric.CoreIowait] != 29*tickNs {
		t.Errorf("the new row holds on to iowait of the old one: %d", s.vals["0"][metric.CoreIowait])
	}
}

func TestDiskIsReplaced(t *testing.T) {
	o := tree(t, "odd")
	r := open(t, o)
	first := shoot(r, metric.Disk)
	edit(t, o.Proc+"/diskstats", "sda 98140 30630 4064042 17211", "sda 12 0 96 3")
	s := shoot(r, metric.Disk)
	if s.ids["sda"] == first.ids["sda"] || s.gen == first.gen || s.ids["sdb"] != first.ids["sdb"] {
		t.Errorf("another disk: %v, was %v", s.ids, first.ids)
	}
	if v := s.vals["sda"]; v[metric.DiskReads] != 12 || v[metric.DiskReadTime] != 3_000_000 ||
		v[metric.DiskWrites] != 18469 {
		t.Errorf("values of the new row: %v", v)
	}
	edit(t, o.Proc+"/diskstats", " dm-0 ", " dm-9 ")
	if s = shoot(r, metric.Disk); s.ids["dm-0"] != 0 || s.ids["dm-9"] == 0 || len(s.ids) != len(first.ids) {
		t.Errorf("after dm-0 went and dm-9 came: %v", s.ids)
	}
}

// The kernel prints times in ms modulo 2^32: after 49.7 days of I/O they begin at 0
// again.
func TestDiskTimeWraps(t *testing.T) {
	o := tree(t, "odd")
	r := open(t, o)
	first := shoot(r, metric.Disk)
	if v := first.vals["sdb"][metric.DiskReadTime]; v != 4294967290*1_000_000 {
		t.Fatalf("read time %d", v)
	}
	edit(t, o.Proc+"/diskstats", "sdb 98141 30631 4064043 4294967290", "sdb 98142 30631 4064043 10")
	s := shoot(r, metric.Disk)
	if v := s.vals["sdb"][metric.DiskReadTime]; v != (1<<32+10)*1_000_000 || s.ids["sdb"] != first.ids["sdb"] {
		t.Errorf("read time %d, row %d was %d", v, s.ids["sdb"], first.ids["sdb"])
	}
	edit(t, o.Proc+"/diskstats", "sdb 98142 30631 4064043 10", "sdb 98143 30631 4064043 20")
	if v := shoot(r, metric.Disk).vals["sdb"][metric.DiskReadTime]; v != (1<<32+20)*1_000_000 {
		t.Errorf("read time %d", v)
	}
}

func TestUnwrap(t *testing.T) {
	for _, c := range []struct{ last, raw, want int64 }{
		{metric.Absent, 5, 5},
		{0, 0, 0},
		{5, 6, 6},
		{math.MaxUint32, 0, 1 << 32},
		{1<<32 + 7, 8, 1<<32 + 8},
		{3<<32 + math.MaxUint32, 1, 4<<32 + 1},
		{1000, 999, 999},                   // a reset
		{1 << 31, 0, 0},                    // a fall by half the range: still a reset
		{1<<31 + 1, 0, 1 << 32},            // a larger fall: the counter has wrapped
		{7, 1 << 33, 1 << 33},              // a kernel that prints 64 bits
		{10, metric.Absent, metric.Absent}, // not read
	} {
		if got := unwrap(c.last, c.raw); got != c.want {
			t.Errorf("unwrap(%d, %d) = %d, want %d", c.last, c.raw, got, c.want)
		}
	}
}

// A counter whose value was missing for a tick is still the same counter.
func TestFileVanishesForAWhile(t *testing.T) {
	o := tree(t, "old")
	r := open(t, o)
	id := shoot(r, metric.Host).ids[""]
	snmp := o.Proc + "/1/net/snmp"
	text := string(must(os.ReadFile(snmp)))
	write(t, snmp, "")
	s := shoot(r, metric.Host)
	if v := s.vals[""][metric.HostTcpInSegs]; v != metric.Absent {
		t.Errorf("segments of an empty file: %d", v)
	}
	write(t, snmp, strings.Replace(text, "6000 7000", "6001 7001", 1))
	s = shoot(r, metric.Host)
	if v := s.vals[""][metric.HostTcpInSegs]; v != 6001 || s.ids[""] != id {
		t.Errorf("segments %d, row %d was %d", v, s.ids[""], id)
	}
}

// A file that a kernel module creates after the start is read from then on.
func TestFileAppearsLater(t *testing.T) {
	o := tree(t, "old")
	r := open(t, o)
	if v := shoot(r, metric.Host).vals[""]; v[metric.HostConntrack] != metric.Absent ||
		v[metric.HostPSICPUSome] != metric.Absent {
		t.Fatalf("conntrack %d, pressure %d", v[metric.HostConntrack], v[metric.HostPSICPUSome])
	}
	write(t, o.Proc+"/sys/net/netfilter/nf_conntrack_count", "17\n")
	var v []int64
	for range retryReads + 1 {
		v = shoot(r, metric.Host).vals[""]
	}
	if v[metric.HostConntrack] != 17 {
		t.Errorf("conntrack %d after %d ticks", v[metric.HostConntrack], retryReads+1)
	}
	for _, s := range r.Status() {
		if strings.HasSuffix(s.Source, "nf_conntrack_count") {
			t.Errorf("status still says %v", s)
		}
	}
}

// The columns of a file may change, as after a live patch of the kernel.
func TestProtocolHeaderChanges(t *testing.T) {
	o := tree(t, "old")
	r := open(t, o)
	shoot(r, metric.Host)
	edit(t, o.Proc+"/1/net/netstat", "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 2 3",
		"TcpExt: ListenDrops New SyncookiesSent\nTcpExt: 33 44 55")
	v := shoot(r, metric.Host).vals[""]
	if v[metric.HostTcpExtListenDrops] != 33 || v[metric.HostTcpExtSyncookiesSent] != 55 ||
		v[metric.HostTcpExtListenOverflows] != metric.Absent {
		t.Errorf("drops %d, cookies %d, overflows %d", v[metric.HostTcpExtListenDrops],
			v[metric.HostTcpExtSyncookiesSent], v[metric.HostTcpExtListenOverflows])
	}
}

func TestFilters(t *testing.T) {
	o := tree(t, "odd")
	o.DiskExclude, o.IfaceExclude, o.MountExclude, o.FSTypeExclude = `^sd`, `^(lo|eth0)$`, `^/mnt`, `^tmpfs$`
	r := open(t, o)
	if s := shoot(r, metric.Disk); s.ids["sda"] != 0 || s.ids["loop0"] == 0 || s.ids["nvme0n1p1"] == 0 {
		t.Errorf("disks %v", s.ids)
	}
	if s := shoot(r, metric.Interface); s.ids["lo"] != 0 || s.ids["eth0"] != 0 || s.ids["eth0.100"] == 0 {
		t.Errorf("interfaces %v", s.ids)
	}
	if s := shoot(r, metric.Filesystem); s.ids["/mnt/nfs"] != 0 || s.ids["/run"] != 0 || s.ids["/"] == 0 ||
		s.ids["/sys/fs/cgroup"] == 0 {
		t.Errorf("filesystems %v", s.ids)
	}
	if _, err := New(Options{DiskExclude: "("}); err == nil || !strings.Contains(err.Error(), "DiskExclude") {
		t.Errorf("a broken expression: %v", err)
	}
}

func TestNothingIsThere(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Options{Proc: dir + "/proc", Sys: dir + "/sys", Root: dir})
	for range 3 {
		h := shoot(r, metric.Host).vals[""]
		for c, v := range h {
			if v != metric.Absent && !foreign[c] {
				t.Errorf("%s is %d", metric.Columns(metric.Host)[c].Name, v)
			}
		}
		for _, k := range []metric.Kind{metric.CPU, metric.Disk, metric.Filesystem, metric.Interface} {
			if s := shoot(r, k); len(s.ids) != 0 {
				t.Errorf("%s: %v", k, s.ids)
			}
		}
	}
	if len(r.Status()) < 20 {
		t.Errorf("status: %v", r.Status())
	}
}

func TestMachineIsRenamed(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		r := open(t, Options{})
		s := shoot(r, metric.Host)
		if err := unix.Sethostname([]byte("another-name")); err != nil {
			t.Fatal(err)
		}
		var now shot
		for range retryReads {
			now = shoot(r, metric.Host)
		}
		if got := r.host.t.Rows[0].Label("hostname"); got != "another-name" || now.ids[""] == s.ids[""] || now.gen == s.gen {
			t.Errorf("named %q, row %d was %d", got, now.ids[""], s.ids[""])
		}
	})
}
