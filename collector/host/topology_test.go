package host

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// sysTree writes files below devices/system of a temporary /sys and returns its path.
func sysTree(t *testing.T, files map[string]string) string {
	t.Helper()
	sys := t.TempDir()
	for path, text := range files {
		write(t, filepath.Join(sys, "devices/system", path), text+"\n")
	}
	return sys
}

// twoSockets are the files of a machine with two NUMA nodes, each a socket of two cores
// with two threads. CPU 7 is offline. The sockets have the same core ids.
func twoSockets() map[string]string {
	files := map[string]string{
		"cpu/online":          "0-6",
		"node/node0/meminfo":  "Node 0 MemTotal:       1024 kB\nNode 0 MemFree:  7 kB",
		"node/node1/meminfo":  "Node 1 MemTotal:       2048 kB",
		"node/node0/distance": "10 21", "node/node1/distance": "21 10",
		"node/node0/hugepages/hugepages-2048kB/nr_hugepages":    "3",
		"node/node1/hugepages/hugepages-1048576kB/nr_hugepages": "0",
		"edac/mc/mc0/dimm0/size":                                "16384",
		"edac/mc/mc0/dimm0/dimm_mem_type":                       "Registered-DDR4",
		"edac/mc/mc0/dimm3/size":                                "16384",
		"edac/mc/mc0/dimm3/dimm_mem_type":                       "Registered-DDR4",
		"edac/mc/mc1/dimm0/size":                                "8192", "edac/mc/mc1/dimm0/dimm_mem_type": "Unbuffered-DDR3",
		"edac/mc/power/control": "auto",
	}
	for cpu := range 8 {
		socket, core := cpu/4, cpu/2%2
		dir := fmt.Sprintf("cpu/cpu%d", cpu)
		files[fmt.Sprintf("node/node%d/cpu%d/crash_notes", socket, cpu)] = ""
		if cpu == 7 {
			continue
		}
		files[dir+"/topology/core_id"] = fmt.Sprint(core)
		files[dir+"/topology/physical_package_id"] = fmt.Sprint(socket)
		first := cpu / 2 * 2
		siblings, node := fmt.Sprintf("%d-%d", first, first+1), fmt.Sprintf("%d-%d", socket*4, socket*4+3)
		if cpu == 6 {
			siblings = "6"
		}
		if socket == 1 {
			node = "4-6"
		}
		for index, c := range []struct{ level, kind, size, shared string }{
			{"1", "Data", "48K", siblings}, {"1", "Instruction", "32K", siblings},
			{"2", "Unified", "1024K", siblings}, {"3", "Unified", "32768K", node},
		} {
			at := fmt.Sprintf("%s/cache/index%d/", dir, index)
			files[at+"level"], files[at+"type"], files[at+"size"], files[at+"shared_cpu_list"] = c.level, c.kind, c.size,
				c.shared
		}
	}
	return files
}

// partsOf returns the values of a reading by the keys of their rows.
func partsOf(hw hardware) map[string]int64 {
	all := map[string]int64{}
	for _, p := range hw.parts {
		all[string(p.name)] = p.value
	}
	return all
}

// Core ids begin anew in each die of a socket on older kernels.
func TestTopologyOfDies(t *testing.T) {
	files := twoSockets()
	for cpu := range 7 {
		files[fmt.Sprintf("cpu/cpu%d/topology/die_id", cpu)] = fmt.Sprint(cpu / 2 % 2)
		files[fmt.Sprintf("cpu/cpu%d/topology/core_id", cpu)] = "0"
	}
	if hw := readHardware(sysTree(t, files)); hw.err != nil || hw.cores != 4 || hw.sockets != 2 {
		t.Errorf("%d cores, %d sockets, %v: want 4 and 2", hw.cores, hw.sockets, hw.err)
	}
}

func TestTopologyOfTwoSockets(t *testing.T) {
	hw := readHardware(sysTree(t, twoSockets()))
	if hw.err != nil || hw.cores != 4 || hw.sockets != 2 {
		t.Errorf("%d cores, %d sockets, %v", hw.cores, hw.sockets, hw.err)
	}
	want := map[string]int64{
		"node.memory node_id=0": 1 << 20, "node.memory node_id=1": 2 << 20,
		"node.distance node_id=0 target_node_id=0": 10, "node.distance node_id=0 target_node_id=1": 21,
		"node.distance node_id=1 target_node_id=0": 21, "node.distance node_id=1 target_node_id=1": 10,
		"node.hugepages node_id=0 page_size=2048": 3, "node.hugepages node_id=1 page_size=1048576": 0,
		"dimm.count type=Registered-DDR4": 2, "dimm.capacity type=Registered-DDR4": 32 << 30,
		"dimm.count type=Unbuffered-DDR3": 1, "dimm.capacity type=Unbuffered-DDR3": 8 << 30,
	}
	for cpu := range 7 {
		siblings := int64(2)
		if cpu == 6 {
			siblings = 1
		}
		want[fmt.Sprintf("thread.siblings core_id=%d node_id=%d thread_id=%d", cpu/2%2, cpu/4, cpu)] = siblings
	}
	for node := range 2 {
		for core := range 2 {
			at := fmt.Sprintf("cache.size core_id=%d level=%%d node_id=%d type=%%s", core, node)
			want[fmt.Sprintf(at, 1, "Data")], want[fmt.Sprintf(at, 1, "Instruction")] = 48<<10, 32<<10
			want[fmt.Sprintf(at, 2, "Unified")] = 1 << 20
		}
		want[fmt.Sprintf("cache.size level=3 node_id=%d type=Unified", node)] = 32 << 20
	}
	got := partsOf(hw)
	for name, v := range want {
		if g, ok := got[name]; !ok || g != v {
			t.Errorf("%s = %d (there: %v), want %d", name, g, ok, v)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is not expected", name)
		}
	}
}

// A kernel without NUMA has no nodes: sockets take their place. A file that cannot be
// parsed is an error, a file that does not exist is not.
func TestTopologyWithoutNodes(t *testing.T) {
	hw := readHardware(sysTree(t, map[string]string{
		"cpu/cpu0/topology/core_id": "0", "cpu/cpu0/topology/physical_package_id": "1",
	}))
	if got := partsOf(hw); hw.err != nil || hw.cores != 1 || hw.sockets != 1 || len(got) != 1 ||
		got["thread.siblings core_id=0 node_id=1 thread_id=0"] != 1 {
		t.Errorf("%+v, %v", hw, got)
	}
	hw = readHardware(t.TempDir())
	if hw.err != nil || hw.cores != metric.Absent || hw.sockets != metric.Absent || len(hw.parts) != 0 {
		t.Errorf("of nothing: %+v", hw)
	}
	if hw = readHardware(sysTree(t, map[string]string{"edac/mc/mc0/dimm0/size": "big"})); hw.err == nil {
		t.Error("no error for a size that is not a number")
	}
}

// TestTopologyOfThisMachine compares with lscpu.
func TestTopologyOfThisMachine(t *testing.T) {
	out, err := exec.Command("lscpu", "-p=CPU,CORE,SOCKET").Output()
	if err != nil {
		t.Fatal(err)
	}
	var cpus int64
	cores, sockets := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), ","); !strings.HasPrefix(line, "#") && len(f) == 3 {
			cpus++
			cores[f[1]], sockets[f[2]] = true, true
		}
	}
	r := open(t, Options{})
	tables := r.Read(time.Now())
	host, parts := tables[0], tables[5]
	h := host.Row(0)
	if h[metric.HostCores] != int64(len(cores)) || h[metric.HostSocketsOfCPUs] != int64(len(sockets)) ||
		h[metric.HostHardwareError] != 0 || parts.Kind != metric.Hardware {
		t.Errorf("%d cores, %d sockets, error %d; lscpu has %d and %d", h[metric.HostCores], h[metric.HostSocketsOfCPUs],
			h[metric.HostHardwareError], len(cores), len(sockets))
	}
	var threads, memory int64
	for i, row := range parts.Rows {
		if parts.Row(i)[metric.HardwareThreadSiblings] > 0 {
			threads++
		}
		memory += max(parts.Row(i)[metric.HardwareNodeMemory], 0)
		if row.Label("boot_id") == "" || row.Label("boot_id") != host.Rows[0].Label("boot_id") {
			t.Errorf("%s: labels %v", row.Key, row.Labels)
		}
	}
	if threads != cpus {
		t.Errorf("%d threads, lscpu has %d CPUs", threads, cpus)
	}
	out, err = exec.Command("sh", "-c",
		"cat /sys/devices/system/node/node*/meminfo | awk '/MemTotal/ {sum += $4} END {printf \"%.0f\", sum * "+
			"1024}'").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(out)); fmt.Sprint(memory) != want {
		t.Errorf("nodes have %d bytes of memory, want %s", memory, want)
	}
}

func TestHardwareIsReadAgain(t *testing.T) {
	o := tree(t, "odd")
	o.Sys = sysTree(t, twoSockets())
	r := open(t, o)
	pages := func() (n int64) {
		hw := r.Read(time.Now())[5]
		i := slices.IndexFunc(hw.Rows, func(row *frame.Row) bool { return row.Label("page_size") == "2048" })
		if i < 0 {
			return -1
		}
		return hw.Row(i)[metric.HardwareNodeHugepages]
	}
	if n := pages(); n != 3 {
		t.Fatalf("%d huge pages, want 3", n)
	}
	write(t, o.Sys+"/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "5\n")
	r.parts.next = time.Time{}
	deadline := time.Now().Add(10 * time.Second)
	for pages() != 5 {
		if time.Now().After(deadline) {
			t.Fatal("the new number is not shown within 10 s")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestMachineLabels(t *testing.T) {
	o := Options{Proc: t.TempDir(), Sys: t.TempDir(), Root: t.TempDir()}
	if got := machineLabels(o); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	write(t, o.Proc+"/sys/kernel/random/boot_id", "b\n")
	write(t, o.Root+"/etc/machine-id", "\n")
	write(t, o.Root+"/var/lib/dbus/machine-id", "m\n")
	write(t, o.Proc+"/device-tree/vm,uuid", "u\x00")
	if got := fmt.Sprint(machineLabels(o)); got != "[{boot_id b} {machine_id m} {system_uuid u}]" {
		t.Error(got)
	}
	write(t, o.Sys+"/class/dmi/id/product_uuid", "d\n")
	if got := fmt.Sprint(machineLabels(o)); got != "[{boot_id b} {machine_id m} {system_uuid d}]" {
		t.Error(got)
	}
}
