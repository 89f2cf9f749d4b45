package prom

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// TestMachineFamilies shows the machine's families with the labels that cAdvisor has.
func TestMachineFamilies(t *testing.T) {
	b := testtick.New(1, false)
	machine := []frame.Label{{Name: "boot_id", Value: "b"}, {Name: "machine_id", Value: "m"}}
	host := b.Table(metric.Host)
	host.Rows[0] = &frame.Row{ID: host.Rows[0].ID, Labels: append(machine[:2:2], frame.Label{Name: "release", Value: "6"})}
	host.Row(0)[metric.HostCores], host.Row(0)[metric.HostSocketsOfCPUs] = 4, 2
	host.Row(0)[metric.HostHardwareError] = 0
	parts := frame.Table{Kind: metric.Hardware, Gen: 1}
	add := func(column int, value int64, labels ...frame.Label) {
		row := absentRow(metric.Hardware)
		row[column] = value
		parts.Vals = append(parts.Vals, row...)
		parts.Rows = append(parts.Rows, &frame.Row{ID: uint64(1000 + len(parts.Rows)),
			Labels: append(machine[:2:2], labels...)})
	}
	node := frame.Label{Name: "node_id", Value: "0"}
	add(metric.HardwareCacheSize, 32<<20, node, frame.Label{Name: "type", Value: "Unified"},
		frame.Label{Name: "level", Value: "3"})
	add(metric.HardwareNodeMemory, 1<<30, node)
	add(metric.HardwareNodeDistance, 21, node, frame.Label{Name: "target_node_id", Value: "1"})
	b.Tables = append(b.Tables, parts)
	text := expose(t, false, false, b)
	for _, line := range []string{
		`machine_cpu_cores{boot_id="b",machine_id="m"} 8`,
		`machine_memory_bytes{boot_id="b",machine_id="m"} 17179869184`,
		`machine_cpu_physical_cores{boot_id="b",machine_id="m"} 4`,
		`machine_cpu_sockets{boot_id="b",machine_id="m"} 2`,
		`machine_scrape_error 0`,
		`machine_cpu_cache_capacity_bytes{boot_id="b",level="3",machine_id="m",node_id="0",type="Unified"} 33554432`,
		`machine_node_memory_capacity_bytes{boot_id="b",machine_id="m",node_id="0"} 1073741824`,
		`machine_node_distance{boot_id="b",machine_id="m",node_id="0",target_node_id="1"} 21`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("not exposed: %s", line)
		}
	}
	for _, gone := range []string{"machine_dimm", "machine_nvm", "machine_node_hugepages", `release="6"`} {
		if strings.Contains(text, gone) {
			t.Errorf("exposed: %s", gone)
		}
	}
}
