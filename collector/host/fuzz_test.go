package host

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// seed adds the texts of files in /proc of this machine and of the machines in testdata.
func seed(f *testing.F, paths ...string) {
	f.Helper()
	f.Add([]byte(nil))
	for _, p := range paths {
		for _, root := range []string{"/proc/", "testdata/odd/proc/", "testdata/old/proc/"} {
			if text, err := os.ReadFile(root + p); err == nil {
				f.Add(text)
			}
		}
	}
}

func hostRow() []int64 {
	v := make([]int64, metric.Width(metric.Host))
	for i := range v {
		v[i] = metric.Absent
	}
	return v
}

func checkVals(t *testing.T, vals []int64) {
	t.Helper()
	for c, v := range vals {
		if v < 0 && v != metric.Absent {
			t.Errorf("column %d is %d", c, v)
		}
	}
}

// fuzzHost fuzzes a parser that fills a host row: two parsings of the same text must give
// the same values.
func fuzzHost(f *testing.F, make func() func(b []byte, host []int64)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		parse := make()
		first, second := hostRow(), hostRow()
		parse(b, first)
		parse(slices.Clone(b), second)
		checkVals(t, first)
		if !slices.Equal(first, second) {
			t.Errorf("two readings of one text differ")
		}
	})
}

func FuzzStat(f *testing.F) {
	seed(f, "stat")
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStatReader("/nowhere", "/nowhere")
		for range 2 {
			host := hostRow()
			s.cpus.begin()
			clear(s.byNumber)
			s.parse(b, host)
			s.parseSoftnet(b)
			s.parseSched(b)
			table := s.cpus.end()
			s.shares.update(host)
			checkVals(t, host)
			checkVals(t, table.Vals)
			if len(s.byNumber) > maxCPU || len(table.Rows) > maxRows {
				t.Errorf("%d rows, %d CPUs", len(table.Rows), len(s.byNumber))
			}
		}
		if s.cpus.t.Gen > 1 {
			t.Errorf("rows changed between two readings of one text")
		}
	})
}

// The values of softnet_stat and schedstat belong to the rows of CPUs in /proc/stat.
func FuzzPerCPU(f *testing.F) {
	seed(f, "1/net/softnet_stat", "net/softnet_stat", "schedstat")
	stat := must(os.ReadFile("testdata/odd/proc/stat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStatReader("/nowhere", "/nowhere")
		s.cpus.begin()
		s.parse(stat, hostRow())
		s.parseSoftnet(b)
		s.parseSched(b)
		checkVals(t, s.cpus.end().Vals)
	})
}

func FuzzKeyed(f *testing.F) {
	seed(f, "meminfo", "vmstat", "net/snmp6", "1/net/snmp6")
	fuzzHost(f, func() func([]byte, []int64) {
		mem, vm, snmp6 := newKeyed("", "/proc/meminfo "), newKeyed("", "/proc/vmstat "), newKeyed("", "/proc/net/snmp6 ")
		return func(b []byte, host []int64) {
			mem.parse(b, host)
			vm.parse(b, host)
			snmp6.parse(b, host)
		}
	})
}

func FuzzProto(f *testing.F) {
	seed(f, "net/snmp", "net/netstat", "1/net/snmp", "1/net/netstat")
	fuzzHost(f, func() func([]byte, []int64) {
		snmp, netstat := newProto("", "/proc/net/snmp "), newProto("", "/proc/net/netstat ")
		return func(b []byte, host []int64) {
			snmp.parse(b, host)
			netstat.parse(b, host)
		}
	})
}

func FuzzSock(f *testing.F) {
	seed(f, "net/sockstat", "net/sockstat6", "1/net/sockstat")
	fuzzHost(f, func() func([]byte, []int64) {
		s4, s6 := newSock("", "/proc/net/sockstat "), newSock("", "/proc/net/sockstat6 ")
		return func(b []byte, host []int64) {
			s4.parse(b, host)
			s6.parse(b, host)
			pages(host, metric.HostSockTCPMem, metric.HostSockTCPMemBytes)
		}
	})
}

func FuzzSmall(f *testing.F) {
	seed(f, "loadavg", "uptime", "sys/fs/file-nr", "pressure/cpu", "pressure/io", "pressure/irq")
	fuzzHost(f, func() func([]byte, []int64) {
		psi := newPSI("")
		return func(b []byte, host []int64) {
			parseLoadavg(b, host)
			parseUptime(b, host)
			parseFileNr(b, host)
			for _, p := range psi {
				p.parse(b, host)
			}
		}
	})
}

func FuzzDevices(f *testing.F) {
	seed(f, "diskstats", "net/dev", "1/net/dev")
	none := regexp.MustCompile(`^$`)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, i := newDiskReader("", none), newIfaceReader(netNS{}, none)
		for range 2 {
			d.t.begin()
			i.t.begin()
			d.parse(b)
			i.parse(b)
			for _, table := range []*table{d.t, i.t} {
				checkVals(t, table.end().Vals)
				for _, row := range table.t.Rows {
					if !utf8.ValidString(row.Key) || len(row.Labels) != 1 || !utf8.ValidString(row.Labels[0].Value) || row.Key == "" {
						t.Errorf("row %+v", row)
					}
				}
			}
		}
		if d.t.t.Gen > 1 || i.t.t.Gen > 1 {
			t.Errorf("rows changed between two readings of one text")
		}
	})
}

func FuzzMountinfo(f *testing.F) {
	seed(f, "self/mountinfo", "1/mountinfo")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		o := Options{Root: dir}
		filters, err := o.fill()
		if err != nil {
			t.Fatal(err)
		}
		r := newFSReader(o, filters, bounded.NewPool(bounded.Limits{Calls: 1}))
		defer r.file.close()
		r.rebuild(b)
		seen := map[string]bool{}
		for _, m := range r.mounts {
			if seen[m.spec.point] || !strings.HasPrefix(m.spec.point, "/") || filters.mount.MatchString(m.spec.point) {
				t.Errorf("mount %+v", m.spec)
			}
			seen[m.spec.point] = true
			for _, l := range r.labels(m.spec.point) {
				if l.Value == "" || !utf8.ValidString(l.Value) {
					t.Errorf("label %+v", l)
				}
			}
		}
		// If the list is built again from the same text, every mount is kept.
		before := slices.Clone(r.mounts)
		r.rebuild(b)
		if !slices.Equal(before, r.mounts) {
			t.Error("mounts changed between two readings of one text")
		}
	})
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{
		"", "-", "0", "-1", "00", "9223372036854775807", "9223372036854775808", "18446744073709551615",
		"1.5", "0x10", "ffffffff", "1 ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseInt(s, 10, 64)
		if strings.HasPrefix(s, "+") || s == "-9223372036854775808" {
			return // no kernel prints such a number
		}
		if got, ok := parseInt([]byte(s)); ok != (err == nil) || ok && got != want {
			t.Errorf("parseInt(%q) = %d, %v, want %d, %v", s, got, ok, want, err)
		}
		hex, err := strconv.ParseUint(s, 16, 32)
		if got, ok := parseHex([]byte(s)); ok && (err != nil || got != int64(hex)) {
			t.Errorf("parseHex(%q) = %d, want %d, %v", s, got, hex, err)
		}
		if v := fixed([]byte(s), 3); v < 0 && v != metric.Absent {
			t.Errorf("fixed(%q) = %d", s, v)
		}
	})
}
