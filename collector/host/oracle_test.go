package host

import (
	"math"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// oracle reads the trees proc and sys with prometheus/procfs, the library of
// node_exporter, which shares no code with this package. Keys are "kind/row/metric".
func oracle(t *testing.T, proc, sys string) map[string]int64 {
	t.Helper()
	o := map[string]int64{}
	fs, err := procfs.NewFS(proc)
	if err != nil {
		t.Fatal(err)
	}
	host := func(c int, v float64) { o["host//"+metric.Columns(metric.Host)[c].Name] = int64(math.Round(v)) }
	stat, err := fs.Stat()
	if err != nil {
		t.Fatal(err)
	}
	host(metric.HostBootTime, float64(stat.BootTime))
	host(metric.HostInterrupts, float64(stat.IRQTotal))
	host(metric.HostContextSwitches, float64(stat.ContextSwitches))
	host(metric.HostForks, float64(stat.ProcessCreated))
	host(metric.HostProcsRunning, float64(stat.ProcessesRunning))
	host(metric.HostProcsBlocked, float64(stat.ProcessesBlocked))
	host(metric.HostCPUs, float64(len(stat.CPU)))
	for i, v := range cpuTimes(stat.CPUTotal) {
		host(metric.HostCPUUser+i, v)
	}
	for n, cpu := range stat.CPU {
		for i, v := range cpuTimes(cpu) {
			o["cpu/"+strconv.FormatInt(n, 10)+"/"+metric.Columns(metric.CPU)[i].Name] = int64(math.Round(v))
		}
	}
	s := stat.SoftIRQ
	for i, v := range []uint64{
		s.Hi, s.Timer, s.NetTx, s.NetRx, s.Block, s.BlockIoPoll, s.Tasklet, s.Sched, s.Hrtimer, s.Rcu,
	} {
		host(metric.HostSoftirqHi+i, float64(v))
	}
	if load, err := fs.LoadAvg(); err == nil {
		host(metric.HostLoad1, load.Load1*1000)
		host(metric.HostLoad5, load.Load5*1000)
		host(metric.HostLoad15, load.Load15*1000)
	}
	oracleMemory(fs, o)
	oracleNet(t, fs, proc, o)
	oraclePressure(fs, o)
	oracleDisks(t, proc, sys, o)
	text, err := os.ReadFile(proc + "/vmstat")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		f := strings.Fields(l)
		if m, ok := metric.Find(metric.Host, "vmstat."+f[0]); ok {
			o["host//"+m.Name], _ = strconv.ParseInt(f[1], 10, 64)
		}
	}
	return o
}

func cpuTimes(c procfs.CPUStat) []float64 {
	all := []float64{c.User, c.Nice, c.System, c.Idle, c.Iowait, c.IRQ, c.SoftIRQ, c.Steal, c.Guest, c.GuestNice}
	for i := range all {
		all[i] = math.Round(all[i]*100) * 1e7
	}
	return all
}

func oracleMemory(fs procfs.FS, o map[string]int64) {
	mem, err := fs.Meminfo()
	if err != nil {
		return
	}
	v := reflect.ValueOf(mem)
	for _, m := range metric.Columns(metric.Host) {
		item, ok := strings.CutPrefix(m.Source, "/proc/meminfo ")
		if !ok {
			continue
		}
		name := regexp.MustCompile(`[()_]`).ReplaceAllString(
			strings.ReplaceAll(strings.ReplaceAll(item, "(anon)", "Anon"), "(file)", "File"), "")
		if m.Unit == metric.Bytes {
			name += "Bytes"
		}
		if f := v.FieldByName(name); f.IsValid() && !f.IsNil() {
			o["host//"+m.Name] = int64(f.Elem().Uint())
		}
	}
}

func oracleNet(t *testing.T, fs procfs.FS, proc string, o map[string]int64) {
	self, err := fs.Self()
	if err != nil {
		self, err = fs.Proc(1) // a copy of /proc has no link self
	}
	if err == nil {
		snmp, _ := self.Snmp()
		netstat, _ := self.Netstat()
		snmp6, _ := self.Snmp6()
		files := map[string]reflect.Value{
			"snmp": reflect.ValueOf(snmp), "netstat": reflect.ValueOf(netstat), "snmp6": reflect.ValueOf(snmp6),
		}
		for _, m := range metric.Columns(metric.Host) {
			f := strings.Fields(strings.TrimPrefix(m.Source, "/proc/net/"))
			if !strings.HasPrefix(m.Source, "/proc/net/") || len(f) != 3 || !files[f[0]].IsValid() {
				continue
			}
			if v := files[f[0]].FieldByName(f[1]).FieldByName(f[2]); v.IsValid() && !v.IsNil() {
				o["host//"+m.Name] = int64(v.Elem().Float())
			}
		}
	}
	for _, read := range []func() (*procfs.NetSockstat, error){fs.NetSockstat, fs.NetSockstat6} {
		s, err := read()
		if err != nil {
			continue
		}
		if s.Used != nil {
			o["host//sockstat.sockets.used"] = int64(*s.Used)
		}
		for _, p := range s.Protocols {
			base := "host//sockstat." + strings.ToLower(p.Protocol) + "."
			o[base+"inuse"] = int64(p.InUse)
			for n, v := range map[string]*int{
				"orphan": p.Orphan, "tw": p.TW, "alloc": p.Alloc, "mem": p.Mem, "memory": p.Memory,
			} {
				if v != nil {
					o[base+n] = int64(*v)
				}
			}
			if p.Mem != nil {
				o[base+"mem_bytes"] = int64(*p.Mem * os.Getpagesize())
			}
		}
	}
	dev, err := fs.NetDev()
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range dev {
		for i, v := range []uint64{
			d.RxBytes, d.RxPackets, d.RxErrors, d.RxDropped, d.RxFIFO, d.RxFrame, d.RxCompressed, d.RxMulticast,
			d.TxBytes, d.TxPackets, d.TxErrors, d.TxDropped, d.TxFIFO, d.TxCollisions, d.TxCarrier, d.TxCompressed,
		} {
			o["interface/"+valid(name)+"/"+metric.Columns(metric.Interface)[i].Name] = int64(v)
		}
	}
	softnet, _ := fs.NetSoftnetStat()
	for _, s := range softnet {
		base := "cpu/" + strconv.Itoa(int(s.Index)) + "/softnet."
		o[base+"processed"], o[base+"dropped"], o[base+"squeezed"] =
			int64(s.Processed), int64(s.Dropped), int64(s.TimeSqueezed)
		o[base+"collision"], o[base+"received_rps"], o[base+"flow_limit"] =
			int64(s.CPUCollision), int64(s.ReceivedRps), int64(s.FlowLimitCount)
	}
	if sched, err := fs.Schedstat(); err == nil {
		for _, c := range sched.CPUs {
			base := "cpu/" + c.CPUNum + "/schedstat."
			o[base+"running"], o[base+"waiting"], o[base+"timeslices"] =
				int64(c.RunningNanoseconds), int64(c.WaitingNanoseconds), int64(c.RunTimeslices)
		}
	}
}

func oraclePressure(fs procfs.FS, o map[string]int64) {
	for _, r := range []string{"cpu", "memory", "io", "irq"} {
		p, err := fs.PSIStatsForResource(r)
		if err != nil {
			continue
		}
		if p.Some != nil {
			o["host//pressure."+r+".some"] = int64(p.Some.Total) * 1000
		}
		if p.Full != nil {
			o["host//pressure."+r+".full"] = int64(p.Full.Total) * 1000
		}
	}
}

func oracleDisks(t *testing.T, proc, sys string, o map[string]int64) {
	fs, err := blockdevice.NewFS(proc, sys)
	if err != nil {
		t.Fatal(err)
	}
	disks, err := fs.ProcDiskstats()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range disks {
		if regexp.MustCompile(DefaultDiskExclude).MatchString(d.DeviceName) {
			continue
		}
		vals := []uint64{
			d.ReadIOs, d.ReadMerges, d.ReadSectors * 512, d.ReadTicks * 1e6,
			d.WriteIOs, d.WriteMerges, d.WriteSectors * 512, d.WriteTicks * 1e6,
			d.IOsInProgress, d.IOsTotalTicks * 1e6, d.WeightedIOTicks * 1e6,
			d.DiscardIOs, d.DiscardMerges, d.DiscardSectors, d.DiscardTicks * 1e6,
			d.FlushRequestsCompleted, d.TimeSpentFlushing * 1e6,
		}
		for i, v := range vals[:d.IoStatsCount-3] {
			o["disk/"+d.DeviceName+"/"+metric.Columns(metric.Disk)[i].Name] = int64(v)
		}
	}
}

// flat converts tables to the form of oracle's result, without values that are absent.
func flat(tables []frame.Table) map[string]int64 {
	m := map[string]int64{}
	for i := range tables {
		t := &tables[i]
		for j, row := range t.Rows {
			for c, v := range t.Row(j) {
				if v != metric.Absent {
					m[t.Kind.String()+"/"+row.Key+"/"+metric.Columns(t.Kind)[c].Name] = v
				}
			}
		}
	}
	return m
}
