package host

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// hardwareScan is one reading of /sys/devices/system
// (Documentation/ABI/stable/sysfs-devices-system-cpu, sysfs-devices-node). Its rules are
// cAdvisor's (machine and utils/sysinfo), but for the count of physical cores. The kernel's
// core_id is only unique in a socket or, before Linux 6.9, in one of its dies, so cores are
// counted by all three, as lscpu does. cAdvisor counts by socket and core where
// /proc/cpuinfo has no core ids (arm64), and elsewhere the distinct core ids of all sockets
// together, which is half of the cores of a machine with two sockets.
type hardwareScan struct {
	dir string // /sys/devices/system
	hw  hardware
}

// core is one physical core of a NUMA node.
type core struct {
	socket, die, id int64
	threads         []int64 // logical CPUs
}

func readHardware(sys string) hardware {
	s := &hardwareScan{dir: sys + "/devices/system"}
	s.hw.cores, s.hw.sockets = metric.Absent, metric.Absent
	online := s.onlineCPUs()
	nodes := map[int64][]int64{} // CPUs by node
	for _, dir := range s.list(s.dir+"/node", "node") {
		nodes[dir.number] = nil
		for _, cpu := range s.list(dir.path, "cpu") {
			nodes[dir.number] = append(nodes[dir.number], cpu.number)
		}
		s.node(dir)
	}
	if len(nodes) == 0 { // a kernel without NUMA: its sockets are the nodes
		for _, cpu := range s.list(s.dir+"/cpu", "cpu") {
			if socket, ok := s.topology(cpu.number, "physical_package_id"); ok {
				nodes[socket] = append(nodes[socket], cpu.number)
			}
		}
	}
	cores, sockets := map[[3]int64]bool{}, map[int64]bool{}
	for node, cpus := range nodes {
		list := s.coresOf(cpus, online)
		for _, c := range list {
			cores[[3]int64{c.socket, c.die, c.id}], sockets[c.socket] = true, true
		}
		s.cores(node, list)
	}
	if len(cores) > 0 {
		s.hw.cores, s.hw.sockets = int64(len(cores)), int64(len(sockets))
	}
	s.dimms()
	return s.hw
}

// coresOf returns the cores to which the CPUs belong that are online.
func (s *hardwareScan) coresOf(cpus []int64, online func(int64) bool) (list []core) {
	for _, cpu := range cpus {
		if !online(cpu) {
			continue
		}
		id, ok := s.topology(cpu, "core_id")
		socket, known := s.topology(cpu, "physical_package_id")
		if !ok || !known {
			continue
		}
		die, _ := s.topology(cpu, "die_id") // kernels before 5.2 have none
		i := slices.IndexFunc(list, func(c core) bool { return c.id == id && c.die == die && c.socket == socket })
		if i < 0 {
			i, list = len(list), append(list, core{socket: socket, die: die, id: id})
		}
		list[i].threads = append(list[i].threads, cpu)
	}
	return list
}

// cores adds the threads and caches of a node's cores. A cache of the third level or
// above that all threads of the node share is the node's and has no core_id. Like
// cAdvisor, it leaves out caches that several cores share, but not all.
func (s *hardwareScan) cores(node int64, list []core) {
	threads := 0
	for _, c := range list {
		threads += len(c.threads)
	}
	for _, c := range list {
		labels := map[string]string{"node_id": text(node), "core_id": text(c.id)}
		for _, t := range c.threads {
			labels["thread_id"] = text(t)
			s.add(metric.HardwareThreadSiblings, int64(len(c.threads)), labels)
		}
		delete(labels, "thread_id")
		for _, dir := range s.list(fmt.Sprintf("%s/cpu/cpu%d/cache", s.dir, c.threads[0]), "index") {
			level, size := s.read(dir.path+"/level"), s.read(dir.path+"/size")
			labels["type"], labels["level"] = s.read(dir.path+"/type"), level
			sharing := len(cpuList(s.read(dir.path + "/shared_cpu_list")))
			labels["core_id"] = text(c.id)
			switch {
			case level <= "2" && sharing == len(c.threads):
			case level > "2" && sharing == threads:
				delete(labels, "core_id")
			default:
				continue
			}
			if kib, ok := s.number(strings.TrimSuffix(size, "K")); ok && strings.HasSuffix(size, "K") {
				s.add(metric.HardwareCacheSize, kib<<10, labels)
			}
		}
	}
}

// node adds the memory, huge pages and distances of a node.
func (s *hardwareScan) node(dir numbered) {
	labels := map[string]string{"node_id": text(dir.number)}
	for line := range strings.Lines(s.read(dir.path + "/meminfo")) {
		if _, value, ok := strings.Cut(line, "MemTotal:"); ok {
			if kib, ok := s.number(strings.TrimSuffix(strings.TrimSpace(value), " kB")); ok {
				s.add(metric.HardwareNodeMemory, kib<<10, labels)
			}
		}
	}
	for _, size := range s.list(dir.path+"/hugepages", "hugepages-") {
		labels["page_size"] = text(size.number)
		if n, ok := s.number(s.read(size.path + "/nr_hugepages")); ok {
			s.add(metric.HardwareNodeHugepages, n, labels)
		}
	}
	delete(labels, "page_size")
	to := s.list(s.dir+"/node", "node") // distances are in the order of the nodes
	for i, d := range strings.Fields(s.read(dir.path + "/distance")) {
		if n, ok := s.number(d); ok && i < len(to) {
			labels["target_node_id"] = text(to[i].number)
			s.add(metric.HardwareNodeDistance, n, labels)
		}
	}
}

// dimms adds the memory modules by type (Documentation/admin-guide/RAS/main.rst). Only
// machines with an EDAC driver have them.
func (s *hardwareScan) dimms() {
	count, capacity := map[string]int64{}, map[string]int64{}
	for _, mc := range s.list(s.dir+"/edac/mc", "mc") {
		for _, dimm := range s.list(mc.path, "dimm") {
			mib, ok := s.number(s.read(dimm.path + "/size"))
			if kind := s.read(dimm.path + "/dimm_mem_type"); ok && kind != "" {
				count[kind]++
				capacity[kind] += mib << 20
			}
		}
	}
	for kind := range count {
		labels := map[string]string{"type": kind}
		s.add(metric.HardwareDIMMs, count[kind], labels)
		s.add(metric.HardwareDIMMCapacity, capacity[kind], labels)
	}
}

// add adds one value. Its row's key is made of the labels.
func (s *hardwareScan) add(column int, value int64, labels map[string]string) {
	p := hardwarePart{column: column, value: value, name: []byte(metric.Columns(metric.Hardware)[column].Name)}
	for name, v := range labels {
		p.labels = append(p.labels, frame.Label{Name: name, Value: valid(v)})
	}
	p.labels = sortedLabels(p.labels)
	for _, l := range p.labels {
		p.name = append(append(append(append(p.name, ' '), l.Name...), '='), l.Value...)
	}
	s.hw.parts = append(s.hw.parts, p)
}

// onlineCPUs returns a function that reports whether a CPU is online. All are if the
// kernel cannot switch them off.
func (s *hardwareScan) onlineCPUs() func(int64) bool {
	list := s.read(s.dir + "/cpu/online")
	cpus := cpuList(list)
	return func(cpu int64) bool { return list == "" || slices.Contains(cpus, cpu) }
}

func (s *hardwareScan) topology(cpu int64, file string) (int64, bool) {
	v := s.read(fmt.Sprintf("%s/cpu/cpu%d/topology/%s", s.dir, cpu, file))
	if v == "" {
		return 0, false // a CPU that is offline has no topology
	}
	n, err := strconv.ParseInt(v, 10, 64)
	s.note(err)
	return n, err == nil
}

// numbered is a directory whose name ends with a number.
type numbered struct {
	path   string
	number int64
}

// maxHardware bounds the entries of one directory.
const maxHardware = 8192

// list returns the directories in dir whose names are the prefix and a number, which "kB"
// may follow, in the order of their numbers.
func (s *hardwareScan) list(dir, prefix string) (all []numbered) {
	entries, err := os.ReadDir(dir)
	s.note(err)
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		n, err := strconv.ParseUint(strings.TrimSuffix(rest, "kB"), 10, 31)
		if ok && err == nil && len(all) < maxHardware {
			all = append(all, numbered{filepath.Join(dir, e.Name()), int64(n)})
		}
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	return all
}

// read returns the text of a file without surrounding space, "" if it does not exist.
func (s *hardwareScan) read(path string) string {
	b, err := readSmall(path)
	s.note(err)
	return strings.TrimSpace(string(b))
}

// number parses a count. It returns false for an empty text.
func (s *hardwareScan) number(text string) (int64, bool) {
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 40) // 1 PiB in KiB
	s.note(err)
	return int64(n), err == nil
}

// note keeps the first error that is not about a file that does not exist.
func (s *hardwareScan) note(err error) {
	if s.hw.err == nil && err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.hw.err = err
	}
}

// cpuList parses a list of CPUs such as "0-3,8", as the kernel prints it (%*pbl).
func cpuList(list string) (cpus []int64) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 31)
		to, err2 := strconv.ParseUint(last, 10, 31)
		if err != nil || err2 != nil {
			continue
		}
		for n := from; n <= to && len(cpus) < maxHardware; n++ {
			cpus = append(cpus, int64(n))
		}
	}
	return cpus
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

// sortedLabels returns the labels of all lists, sorted by name.
func sortedLabels(lists ...[]frame.Label) []frame.Label {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return all
}
