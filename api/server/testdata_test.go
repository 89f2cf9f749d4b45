package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

const (
	testAgent    = "agent-1"
	testInterval = int64(1e9)
	testTime     = int64(1_700_000_000_000_000_000)
)

// labels makes a row's labels of name, value pairs.
func labels(pairs ...string) []frame.Label {
	var l []frame.Label
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			l = append(l, frame.Label{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	slices.SortFunc(l, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// addRow appends a row whose values are all absent, and returns them.
func addRow(t *frame.Table, r *frame.Row) []int64 {
	t.Rows = append(t.Rows, r)
	for range t.Width() {
		t.Vals = append(t.Vals, metric.Absent)
	}
	return t.Row(len(t.Rows) - 1)
}

// containerRow is row i as docker's containers look, full of labels.
func containerRow(i int) *frame.Row {
	id := fmt.Sprintf("%064x", i+1)
	return &frame.Row{ID: uint64(i + 1), Key: "/docker/" + id, Labels: labels(
		"container_id", id, "name", "web-"+strconv.Itoa(i), "image", "registry.example/team/web:1.2.3", "runtime", "docker",
		"framework_id", "f-0001", "framework_name", "marathon", "task_id", "web."+strconv.Itoa(i), "task_name", "web",
		"label.com.example.team", "payments", "label.version", "1.2.3",
	)}
}

// testBatch is one tick of a node with n containers, every container column
// set to a value of its own when full.
func testBatch(n int, full bool) *frame.Batch {
	b := &frame.Batch{Header: frame.Header{Agent: testAgent, Boot: 7, Seq: 10, Key: 1, Time: testTime, Interval: testInterval, Parts: 1}}
	host := frame.Table{Kind: metric.Host, Gen: 1}
	row := addRow(&host, &frame.Row{ID: 1, Labels: labels("hostname", "node-1")})
	row[metric.HostCPUs], row[metric.HostCPUTotalPercent] = 8, 12_500
	row[metric.HostMemTotal], row[metric.HostMemAvailable], row[metric.HostMemFree] = 16<<30, 8<<30, 4<<30
	row[metric.HostLoad1], row[metric.HostUptime] = 1_250, 3_600_500_000_000
	row[metric.HostTcpInSegs], row[metric.HostVMPgfault] = 5, 6

	cpu := frame.Table{Kind: metric.CPU, Gen: 1}
	for i := range 2 {
		row := addRow(&cpu, &frame.Row{ID: uint64(i + 1), Key: strconv.Itoa(i), Labels: labels("cpu", strconv.Itoa(i))})
		row[metric.CoreUser], row[metric.CoreIdle] = 1_500_000_000, 2_000_000_001
	}
	fs := frame.Table{Kind: metric.Filesystem, Gen: 1}
	row = addRow(&fs, &frame.Row{ID: 1, Key: "/", Labels: labels("mountpoint", "/", "device", "/dev/vda1", "fstype", "ext4")})
	row[metric.FSSize], row[metric.FSUsed], row[metric.FSAvail] = 100<<30, 40<<30, 55<<30
	nic := frame.Table{Kind: metric.Interface, Gen: 1}
	row = addRow(&nic, &frame.Row{ID: 1, Key: "eth0", Labels: labels("device", "eth0")})
	row[metric.IfRxBytes], row[metric.IfTxBytes], row[metric.IfTxPackets] = 1000, 2000, 20

	groups := frame.Table{Kind: metric.Container, Gen: 3}
	io := frame.Table{Kind: metric.ContainerIO, Gen: 3}
	net := frame.Table{Kind: metric.ContainerNet, Gen: 3}
	for i := range n {
		r := containerRow(i)
		row := addRow(&groups, r)
		if full {
			for c := range row {
				row[c] = int64(i)*1_000_003 + int64(c)*7_654_321
			}
		}
		row[metric.CPUUsage], row[metric.CPUUser], row[metric.CPUSystem] = 5_250_000_000, 4_000_000_000, 1_250_000_000
		row[metric.CPUQuota], row[metric.CPUPeriod] = 150_000_000, 100_000_000
		row[metric.MemCurrent], row[metric.StatInactiveFile], row[metric.MemMax] = 300<<20, 100<<20, 512<<20
		row[metric.PidsCurrent], row[metric.PidsMax] = 7, metric.Unlimited
		row = addRow(&io, &frame.Row{ID: uint64(i + 1), Parent: r.ID, Key: "vda", Labels: labels("device", "vda", "major", "254", "minor", "0")})
		row[metric.IOReadBytes], row[metric.IOWriteBytes], row[metric.IOReads], row[metric.IOWrites] = 4096, 8192, 1, 2
		row = addRow(&net, &frame.Row{ID: uint64(i + 1), Parent: r.ID, Key: "eth0", Labels: labels("interface", "eth0")})
		row[metric.NetRxBytes], row[metric.NetTxBytes] = 111, 222
	}
	slice := addRow(&groups, &frame.Row{ID: uint64(n + 1), Key: "/system.slice/cron.service", Labels: labels("unit", "cron.service", "slice", "system.slice")})
	slice[metric.CPUUsage], slice[metric.MemMax] = 1_000_000_000, metric.Unlimited
	b.Tables = []frame.Table{host, cpu, fs, nic, groups, io, net}
	return b
}

// localOf is the fleet of a collector alone, after some ticks.
func localOf(t testing.TB, ticks ...*frame.Batch) *query.Local {
	t.Helper()
	l := query.NewLocal(ticks[0].Agent, "node-1")
	for _, b := range ticks {
		l.Update(func(dst *frame.Batch) { query.CopyBatch(dst, b) })
	}
	return l
}
