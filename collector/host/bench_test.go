package host

import (
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
)

func BenchmarkRead(b *testing.B) {
	r, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.Read(now)
	}
}

// BenchmarkProcfs reads most of the same files with node_exporter's library, for
// comparison.
func BenchmarkProcfs(b *testing.B) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		b.Fatal(err)
	}
	disks, err := blockdevice.NewDefaultFS()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		fs.Stat()
		fs.Meminfo()
		fs.LoadAvg()
		fs.NetDev()
		fs.NetSockstat()
		fs.NetSockstat6()
		fs.NetSoftnetStat()
		disks.ProcDiskstats()
		if p, err := fs.Self(); err == nil {
			p.Snmp()
			p.Netstat()
			p.Snmp6()
		}
		for _, r := range []string{"cpu", "memory", "io"} {
			fs.PSIStatsForResource(r)
		}
	}
}

// BenchmarkReadBigMachine reads the files of a machine with 90 CPUs and 3,000 interrupt
// lines.
func BenchmarkReadBigMachine(b *testing.B) {
	r, err := New(Options{Proc: "testdata/odd/proc", Sys: "testdata/odd/sys", Root: "testdata/odd/root"})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.Read(now)
	}
}
