package host

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

func open(t *testing.T, o Options) *Reader {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func find(key string) *metric.Metric {
	kind, rest, _ := strings.Cut(key, "/")
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	for k := metric.Kind(1); k <= metric.MaxKind; k++ {
		if k.String() == kind {
			m, _ := metric.Find(k, name)
			return m
		}
	}
	return nil
}

// A counter lies between the oracle's values before and after the reading. A gauge does
// in at least one of many rounds, as it may be higher or lower in between.
func TestKernelValues(t *testing.T) {
	r := open(t, Options{})
	pending := map[string]string{}
	checked := 0
	for round := range 60 {
		before := oracle(t, "/proc", "/sys")
		tables := r.Read(time.Now())
		got := flat(tables)
		after := oracle(t, "/proc", "/sys")
		if round == 0 {
			for k := range before {
				if _, ok := after[k]; ok {
					pending[k] = "never in the window"
				}
			}
			checked = len(pending)
		}
		for k, lo := range before {
			hi, ok := after[k]
			v, have := got[k]
			m := find(k)
			if !ok || m == nil {
				continue
			}
			if !have {
				if round == 0 {
					t.Errorf("%s is absent, the kernel has %d", k, lo)
				}
				delete(pending, k)
				continue
			}
			idle := strings.HasSuffix(k, ".idle") || strings.HasSuffix(k, ".iowait")
			if m.Type == metric.Counter && !idle && (v < lo || v > hi) {
				t.Errorf("%s = %d, not in [%d, %d]", k, v, lo, hi)
			}
			if v >= min(lo, hi) && v <= max(lo, hi) {
				delete(pending, k)
			}
		}
		if t.Failed() || len(pending) == 0 {
			break
		}
	}
	for k, why := range pending {
		t.Errorf("%s %s", k, why)
	}
	if checked < 150 {
		t.Errorf("only %d values compared: the oracle does not see this machine", checked)
	}
	t.Logf("%d values compared", checked)
}

func TestKernelSmallFiles(t *testing.T) {
	r := open(t, Options{})
	var before, after unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &before); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	host := r.Read(now)[0].Row(0)
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &after); err != nil {
		t.Fatal(err)
	}
	// /proc/uptime is rounded down to hundredths of a second.
	if v := host[metric.HostUptime]; v < before.Nano()-10_000_000 || v > after.Nano() {
		t.Errorf("uptime %d not in [%d, %d]", v, before.Nano(), after.Nano())
	}
	if host[metric.HostTime] != now.UnixNano() {
		t.Errorf("time is %d", host[metric.HostTime])
	}
	for c, path := range map[int]string{
		metric.HostProcessesMax: "kernel/pid_max", metric.HostThreadsMax: "kernel/threads-max",
		metric.HostEntropyPool: "kernel/random/poolsize",
	} {
		text, err := os.ReadFile("/proc/sys/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if want := scaled([]byte(strings.TrimSpace(string(text))), 1); host[c] != want || want <= 0 {
			t.Errorf("%s: %d, want %d", path, host[c], want)
		}
	}
	text, err := os.ReadFile("/proc/sys/fs/file-nr")
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(text))
	if want := scaled([]byte(f[2]), 1); host[metric.HostFilesMax] != want {
		t.Errorf("file-nr maximum %d, want %d", host[metric.HostFilesMax], want)
	}
	if n := host[metric.HostFilesAllocated]; n < 0 || n > host[metric.HostFilesMax] {
		t.Errorf("%d files allocated", n)
	}
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	row := r.host.t.Rows[0]
	if row.Label("boot_id") != strings.TrimSpace(string(id)) || len(row.Label("boot_id")) != 36 {
		t.Errorf("boot id %q", row.Label("boot_id"))
	}
	name, err := os.Hostname()
	if err != nil || row.Label("hostname") != name {
		t.Errorf("hostname %q, want %q (%v)", row.Label("hostname"), name, err)
	}
	if release := must(os.ReadFile("/proc/sys/kernel/osrelease")); row.Label("release") !=
		strings.TrimSpace(string(release)) {
		t.Errorf("release %q, want %q", row.Label("release"), release)
	}
	var clock unix.Timex
	state, err := unix.Adjtimex(&clock)
	if err != nil {
		t.Fatal(err)
	}
	if sync := host[metric.HostTimexSync] == 1; sync != (state != 5) {
		t.Errorf("clock synchronised: %v, adjtimex says %d", sync, state)
	}
	if host[metric.HostTimexStatus] != int64(clock.Status) {
		t.Errorf("clock status %d, want %d", host[metric.HostTimexStatus], clock.Status)
	}
}

// The link count of /proc and a listing of it give the same number of processes, except
// for those that start or end meanwhile.
func TestKernelProcessCount(t *testing.T) {
	p := newProcessCounter("/proc")
	defer p.close()
	if p.base < 0 {
		t.Log("the link count of /proc does not count processes here")
	}
	list := func() (n int64) {
		all, err := os.ReadDir("/proc")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if _, ok := parseInt([]byte(e.Name())); ok {
				n++
			}
		}
		return n
	}
	for range 200 {
		before, got, walked, after := list(), p.count(), p.entries(false), list()
		if lo, hi := min(before, after), max(before, after); got >= lo && got <= hi && walked >= lo && walked <= hi {
			return
		}
	}
	t.Errorf("%d processes by links, %d by entries, %d listed", p.count(), p.entries(false), list())
}

// The percentages match the CPU times of two ticks.
func TestKernelCPUPercentages(t *testing.T) {
	r := open(t, Options{})
	first := append([]int64(nil), r.Read(time.Now())[0].Row(0)...)
	for c := metric.HostCPUTotalPercent; c <= metric.HostCPUStealPercent; c++ {
		if first[c] != metric.Absent {
			t.Errorf("column %d is %d before there was a tick to compare with", c, first[c])
		}
	}
	time.Sleep(300 * time.Millisecond)
	second := r.Read(time.Now())[0].Row(0)
	sum := int64(0)
	for c := metric.HostCPUUser; c <= metric.HostCPUSteal; c++ {
		sum += second[c] - first[c]
	}
	if sum <= 0 {
		t.Fatalf("no CPU time passed in 300 ms: %d", sum)
	}
	percent := func(c int) float64 { return float64(second[c]) / 1000 }
	near := func(what string, got, want float64) {
		t.Helper()
		if got < want-0.01 || got > want+0.01 {
			t.Errorf("%s: %.3f%%, want %.3f%%", what, got, want)
		}
	}
	delta := func(c int) float64 { return float64(second[c]-first[c]) / float64(sum) * 100 }
	near("idle", percent(metric.HostCPUIdlePercent), delta(metric.HostCPUIdle))
	near("user", percent(metric.HostCPUUserPercent), delta(metric.HostCPUUser)+delta(metric.HostCPUNice))
	near("sum", percent(metric.HostCPUTotalPercent)+percent(metric.HostCPUIdlePercent)+
		percent(metric.HostCPUWaitPercent), 100)
	near("total", percent(metric.HostCPUTotalPercent), percent(metric.HostCPUUserPercent)+
		percent(metric.HostCPUSystemPercent)+percent(metric.HostCPUStealPercent))
}

// The row of every mount has the values that statfs(2) returns for its path.
func TestKernelFilesystems(t *testing.T) {
	r := open(t, Options{})
	table := r.Read(time.Now())[3]
	if len(table.Rows) == 0 {
		t.Fatal("no filesystem")
	}
	root := false
	for i, row := range table.Rows {
		var st unix.Statfs_t
		if err := unix.Statfs(row.Label("mountpoint"), &st); err != nil {
			continue
		}
		v := table.Row(i)
		if want := int64(st.Blocks) * st.Frsize; v[metric.FSSize] != want {
			t.Errorf("%s: size %d, want %d", row.Key, v[metric.FSSize], want)
		}
		if v[metric.FSDeviceError] != 0 || v[metric.FSUsed] != v[metric.FSSize]-v[metric.FSFree] {
			t.Errorf("%s: %v", row.Key, v)
		}
		root = root || row.Key == "/"
	}
	if !root {
		t.Error("no root filesystem")
	}
}

func TestTablesKeepTheirOrder(t *testing.T) {
	r := open(t, Options{})
	var gens [5]uint64
	for range 3 {
		tables := r.Read(time.Now())
		for i, k := range []metric.Kind{metric.Host, metric.CPU, metric.Disk, metric.Filesystem, metric.Interface} {
			checkTable(t, &tables[i], k)
			gens[i] = tables[i].Gen
		}
	}
	if gens[0] != 1 || gens[1] != 1 {
		t.Errorf("generations of host and cpu are %d and %d though nothing changed", gens[0], gens[1])
	}
}

// checkTable checks properties of a table that its users rely on.
func checkTable(t *testing.T, table *frame.Table, k metric.Kind) {
	t.Helper()
	if table.Kind != k || table.Gen == 0 || len(table.Vals) != len(table.Rows)*metric.Width(k) {
		t.Fatalf("%s: kind %s, gen %d, %d rows, %d values", k, table.Kind, table.Gen, len(table.Rows), len(table.Vals))
	}
	ids, keys := map[uint64]bool{}, map[string]bool{}
	for _, row := range table.Rows {
		if row.ID == 0 || ids[row.ID] || keys[row.Key] {
			t.Errorf("%s: row %d %q is there twice", k, row.ID, row.Key)
		}
		ids[row.ID], keys[row.Key] = true, true
		for i, l := range row.Labels {
			if l.Name == "" || l.Value == "" || l.Value != strings.ToValidUTF8(l.Value, "?") ||
				i > 0 && row.Labels[i-1].Name >= l.Name {
				t.Errorf("%s: labels %v", k, row.Labels)
			}
		}
	}
}
