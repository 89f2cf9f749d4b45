package testtick

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

// The agent, the time and the interval of ticks.
const (
	Agent    = "agent-1"
	Interval = int64(1e9)
	Time     = int64(1_700_000_000_000_000_000)
)

// Labels returns the labels of name, value pairs.
func Labels(pairs ...string) []frame.Label {
	var l []frame.Label
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			l = append(l, frame.Label{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	slices.SortFunc(l, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// AddRow appends a row without values, and returns them to be set.
func AddRow(t *frame.Table, r *frame.Row) []int64 {
	t.Rows = append(t.Rows, r)
	for range t.Width() {
		t.Vals = append(t.Vals, metric.Absent)
	}
	return t.Row(len(t.Rows) - 1)
}

// Container returns row i of New: a Docker container with many labels.
func Container(i int) *frame.Row {
	id := fmt.Sprintf("%064x", i+1)
	return &frame.Row{ID: uint64(i + 1), Key: "/docker/" + id, Labels: Labels(
		"container_id", id, "name", "web-"+strconv.Itoa(i), "image", "registry.example/team/web:1.2.3",
		"runtime", "docker",
		"framework_id", "f-0001", "framework_name", "marathon", "task_id", "web."+strconv.Itoa(i), "task_name", "web",
		"label.com.example.team", "payments", "label.version", "1.2.3",
	)}
}

// New returns a tick of a node with n containers. With full every container column
// has a value of its own.
func New(n int, full bool) *frame.Batch {
	b := &frame.Batch{Header: frame.Header{
		Agent: Agent, Boot: 7, Seq: 10, Key: 1, Time: Time, Interval: Interval, Parts: 1,
	}}
	host := frame.Table{Kind: metric.Host, Gen: 1}
	row := AddRow(&host, &frame.Row{ID: 1, Labels: Labels("hostname", "node-1")})
	row[metric.HostCPUs], row[metric.HostCPUTotalPercent] = 8, 12_500
	row[metric.HostMemTotal], row[metric.HostMemAvailable], row[metric.HostMemFree] = 16<<30, 8<<30, 4<<30
	row[metric.HostLoad1], row[metric.HostUptime] = 1_250, 3_600_500_000_000
	row[metric.HostTcpInSegs], row[metric.HostVMPgfault] = 5, 6

	cpu := frame.Table{Kind: metric.CPU, Gen: 1}
	for i := range 2 {
		row := AddRow(&cpu, &frame.Row{ID: uint64(i + 1), Key: strconv.Itoa(i), Labels: Labels("cpu", strconv.Itoa(i))})
		row[metric.CoreUser], row[metric.CoreIdle] = 1_500_000_000, 2_000_000_001
	}
	fs := frame.Table{Kind: metric.Filesystem, Gen: 1}
	row = AddRow(&fs, &frame.Row{ID: 1, Key: "/",
		Labels: Labels("mountpoint", "/", "device", "/dev/vda1", "fstype", "ext4")})
	row[metric.FSSize], row[metric.FSUsed], row[metric.FSAvail] = 100<<30, 40<<30, 55<<30
	nic := frame.Table{Kind: metric.Interface, Gen: 1}
	row = AddRow(&nic, &frame.Row{ID: 1, Key: "eth0", Labels: Labels("device", "eth0")})
	row[metric.IfRxBytes], row[metric.IfTxBytes], row[metric.IfTxPackets] = 1000, 2000, 20

	groups := frame.Table{Kind: metric.Container, Gen: 3}
	io := frame.Table{Kind: metric.ContainerIO, Gen: 3}
	net := frame.Table{Kind: metric.ContainerNet, Gen: 3}
	for i := range n {
		r := Container(i)
		row := AddRow(&groups, r)
		if full {
			for c := range row {
				row[c] = int64(i)*1_000_003 + int64(c)*7_654_321
			}
		}
		row[metric.CPUUsage], row[metric.CPUUser], row[metric.CPUSystem] = 5_250_000_000, 4_000_000_000, 1_250_000_000
		row[metric.CPUQuota], row[metric.CPUPeriod] = 150_000_000, 100_000_000
		row[metric.MemCurrent], row[metric.StatInactiveFile], row[metric.MemMax] = 300<<20, 100<<20, 512<<20
		row[metric.PidsCurrent], row[metric.PidsMax] = 7, metric.Unlimited
		row = AddRow(&io, &frame.Row{ID: uint64(i + 1), Parent: r.ID, Key: "vda",
			Labels: Labels("device", "vda", "major", "254", "minor", "0")})
		row[metric.IOReadBytes], row[metric.IOWriteBytes], row[metric.IOReads], row[metric.IOWrites] = 4096, 8192, 1, 2
		row = AddRow(&net, &frame.Row{ID: uint64(i + 1), Parent: r.ID, Key: "eth0",
			Labels: Labels("interface", "eth0")})
		row[metric.NetRxBytes], row[metric.NetTxBytes] = 111, 222
	}
	slice := AddRow(&groups, &frame.Row{ID: uint64(n + 1), Key: "/system.slice/cron.service",
		Labels: Labels("unit", "cron.service", "slice", "system.slice")})
	slice[metric.CPUUsage], slice[metric.MemMax] = 1_000_000_000, metric.Unlimited
	b.Tables = []frame.Table{host, cpu, fs, nic, groups, io, net}
	return b
}

// Several returns n successive ticks. In each tick every container uses half a core,
// and 256 MiB of memory more than in the one before.
func Several(agent string, containers, n int) []*frame.Batch {
	var ticks []*frame.Batch
	first := New(containers, false)
	for i := range n {
		b := New(containers, false)
		b.Agent, b.Seq, b.Time = agent, uint64(i+1), Time+int64(i)*Interval
		for j := range b.Tables {
			b.Tables[j].Rows = first.Tables[j].Rows
		}
		t := b.Table(metric.Container)
		for r := range t.Rows {
			t.Row(r)[metric.CPUUsage] += int64(i) * 500_000_000
			t.Row(r)[metric.MemCurrent] = int64(i+1) << 28
		}
		ticks = append(ticks, b)
	}
	return ticks
}

// Now gives a tick the time of now, to the second, and returns it.
func Now(b *frame.Batch) *frame.Batch {
	b.Time = time.Now().Truncate(time.Second).UnixNano()
	return b
}

// Local returns the fleet of a collector alone, after some ticks.
func Local(ticks ...*frame.Batch) *query.Local {
	l := query.NewLocal(ticks[0].Agent, "node-1")
	for _, b := range ticks {
		l.Update(func(dst *frame.Batch) { query.CopyBatch(dst, b) })
	}
	return l
}
