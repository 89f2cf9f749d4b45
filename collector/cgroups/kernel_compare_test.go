package cgroups

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
)

// read reads the group by BPF, from files and with the oracle, in this order.
func (k *kernelLoad) read() (bpf, text []int64) {
	k.t.Helper()
	if err := k.walk.Walk(&k.bpf); err != nil {
		k.t.Fatal(err)
	}
	if err := k.files.Read(&k.text, AllParts); err != nil {
		k.t.Fatal(err)
	}
	k.oracle = readOracle(k.t, k.group)
	_, bpf = k.row(&k.bpf)
	_, text = k.row(&k.text)
	if bpf == nil || text == nil {
		k.t.Fatalf("%s: shown by BPF: %t, by files: %t", k.path, bpf != nil, text != nil)
	}
	return bpf, text
}

// moving is the set of columns that the kernel still changes in an idle group: it
// drains per-CPU batches of pages and charges, and frees the memory of processes
// that have exited. These columns may take a few readings to agree. All others must
// agree at the first.
var moving = func() map[int]bool {
	m := map[int]bool{}
	for _, c := range []int{
		metric.MemCurrent, metric.MemKernel, metric.MemSW, metric.MemTCP, metric.StatKernel, metric.StatKernelStack,
		metric.StatPagetables, metric.StatPercpu, metric.StatSock, metric.StatVmalloc, metric.StatSlab,
		metric.StatSlabReclaimable,
		metric.StatSlabUnreclaimable, metric.StatInactiveAnon, metric.StatActiveAnon, metric.StatInactiveFile,
		metric.StatActiveFile,
		metric.StatUnevictable, metric.StatPgpgout, metric.StatPgactivate, metric.StatPgdeactivate, metric.StatFileDirty,
		metric.StatFileWriteback,
		metric.PSICPUSome, metric.PSICPUFull, metric.PSIMemorySome, metric.PSIMemoryFull, metric.PSIIOSome,
		metric.PSIIOFull, metric.PSIIRQFull,
	} {
		m[c] = true
	}
	return m
}()

// diffs describes the differences, by column.
type diffs map[int]string

func (d diffs) add(col int, format string, args ...any) {
	d[col] = metric.Columns(metric.Container)[col].Name + ": " + fmt.Sprintf(format, args...)
}

// compare reads and compares every column and row. The columns in strict must agree at
// the first reading even if they are in moving.
func (k *kernelLoad) compare(strict ...int) (bpf, text []int64) {
	k.t.Helper()
	k.settle()
	var left diffs
	for try := range 10 {
		bpf, text = k.read()
		d := k.differ(bpf, text)
		for c, what := range d {
			if try == 0 && (!moving[c] || slices.Contains(strict, c)) {
				k.t.Error(what)
			}
		}
		left = d
		if len(d) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for c, what := range left {
		if moving[c] && !slices.Contains(strict, c) {
			k.t.Error(what)
		}
	}
	k.compareIO()
	k.compareHugetlb()
	return bpf, text
}

// settle waits until the group's memory no longer changes. It reads only page counters,
// which are exact, as reading other files would make the kernel add up its per-CPU
// counters.
func (k *kernelLoad) settle() {
	if k.l.Memory < 0 {
		return
	}
	file := k.dir(k.l.Memory) + "/memory.usage_in_bytes"
	if k.l.v2(k.l.Memory) {
		file = k.dir(k.l.Memory) + "/memory.current"
	}
	last := ""
	for range 20 {
		b, err := os.ReadFile(file)
		if err != nil {
			k.t.Fatal(err)
		}
		if string(b) == last {
			return
		}
		last = string(b)
		time.Sleep(100 * time.Millisecond)
	}
}

// differ returns the differences of one reading.
func (k *kernelLoad) differ(bpf, text []int64) diffs {
	d := diffs{}
	for c := range bpf {
		p := columnParts[c]
		m := &metric.Columns(metric.Container)[c]
		if p == PartGroups || !k.walk.Parts().Has(p) {
			continue
		}
		if !same(m, bpf[c], text[c]) {
			d.add(c, "BPF %s, files %s", value(bpf[c]), value(text[c]))
		}
	}
	k.compareOracle(text, d)
	k.compareStat(text, d)
	return d
}

func value(v int64) string {
	switch v {
	case metric.Absent:
		return "absent"
	case metric.Unlimited:
		return "unlimited"
	}
	return strconv.FormatInt(v, 10)
}

// same reports whether a value of BPF equals that of the text, which has microseconds.
func same(m *metric.Metric, bpf, text int64) bool {
	if bpf == metric.Absent || text == metric.Absent || m.Unit != metric.Nanoseconds {
		return bpf == text
	}
	return bpf-text < 1000 && text-bpf < 1000
}

func (k *kernelLoad) compareIO() {
	k.t.Helper()
	if !k.walk.Parts().Has(PartIO) {
		return
	}
	bpf, text := ioRows(k.group, &k.bpf), ioRows(k.group, &k.text)
	for d, t := range text {
		if b, ok := bpf[d]; ok && b != t || !ok && t != [ioWidth]int64{} {
			k.t.Errorf("io on %s: BPF %v, files %v", DeviceName(d.Major, d.Minor), b, t)
		}
	}
	for d := range bpf {
		if _, ok := text[d]; !ok {
			k.t.Errorf("io on %s: BPF %v, files have none", DeviceName(d.Major, d.Minor), bpf[d])
		}
	}
}

func ioRows(g *group, s *Snapshot) map[Device][ioWidth]int64 {
	rows := map[Device][ioWidth]int64{}
	for i := range s.IO {
		if s.Groups[s.IO[i].Group].Path == g.path {
			rows[s.IO[i].Device] = [ioWidth]int64(s.IOVals[i*ioWidth:])
		}
	}
	return rows
}

func (k *kernelLoad) compareHugetlb() {
	k.t.Helper()
	if !k.walk.Parts().Has(PartHugetlb) {
		return
	}
	bpf, text := hugeRows(k.group, &k.bpf), hugeRows(k.group, &k.text)
	for size, t := range text {
		if b, ok := bpf[size]; !ok || b != t {
			k.t.Errorf("hugetlb %d: BPF %v (%t), files %v", size, b, ok, t)
		}
	}
	if len(bpf) != len(text) {
		k.t.Errorf("hugetlb: BPF has %d sizes, files have %d", len(bpf), len(text))
	}
}

func hugeRows(g *group, s *Snapshot) map[int64][hugeWidth]int64 {
	rows := map[int64][hugeWidth]int64{}
	for i := range s.Hugetlb {
		if s.Groups[s.Hugetlb[i].Group].Path == g.path {
			rows[s.Hugetlb[i].Size] = [hugeWidth]int64(s.HugetlbVals[i*hugeWidth:])
		}
	}
	return rows
}

// atLeast fails the test if a column is below want.
func atLeast(t testing.TB, row []int64, col int, want int64) {
	t.Helper()
	if row[col] < want || row[col] == metric.Unlimited {
		t.Errorf("%s = %s, want at least %d", metric.Columns(metric.Container)[col].Name, value(row[col]), want)
	}
}
