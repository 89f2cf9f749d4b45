package cgroups

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/bpf"
)

// kernelTables holds copies of the kernel's tables that map an enumerator of
// memory.stat to its index in a memory cgroup's counters (mm/memcontrol.c:
// mem_cgroup_stats_index[], mem_cgroup_events_index[]). BTF does not contain
// their values. /proc/kallsyms has their addresses if the kernel lists data
// symbols there (CONFIG_KALLSYMS_ALL). Otherwise the kernel's data is searched:
// BTF tells a table's length, and a table holds each index exactly once and one
// filler value everywhere else. If the search finds two such tables, neither is
// used.
type kernelTables struct {
	why    string     // why a table is missing, "" if none is
	states *statTable // nil: the index is the enumerator's own value
	events *statTable
	enums  [2]map[string]uint64 // enumerator values of the states and of the events
	offset int                  // length of state[]: the index at which events[] begins
	huge   []int64              // bytes of a huge page, by hugetlb index; nil: not known
}

// statTable is one of the kernel's tables, and what is known in order to find it.
type statTable struct {
	symbol  string
	entries int // length of the table: one entry for each enumerator
	used    int // how many entries hold an index
	// Enumerators that every kernel counts. They tell the table's true beginning
	// from a position a few entries off, which looks much the same.
	need  []int
	found []int16 // index by enumerator, -1 if not counted; nil if the table was not found
	at    uint64  // kernel address at which it was found
	twice bool    // the search found two candidates
}

// counter returns the index of an enumerator in state[] followed by events[]. ok is
// false if the kernel does not count it for cgroups.
func (t *kernelTables) counter(name string) (int, bool) {
	if v, ok := t.enums[0][name]; ok {
		if t.states == nil {
			return int(v), true
		}
		i := t.states.found[v]
		return int(i), i >= 0
	}
	if v, ok := t.enums[1][name]; ok {
		i := t.events.found[v]
		return t.offset + int(i), i >= 0
	}
	return 0, false
}

// knows reports whether the kernel has an enumerator of that name.
func (t *kernelTables) knows(name string) bool {
	_, state := t.enums[0][name]
	_, event := t.enums[1][name]
	return state || event
}

// findTables finds the counter tables if memory is set, and the page size of each
// hugetlb index if huge is set. If a counter table is missing, why is set.
func findTables(k *bpf.Kernel, memory, huge bool) *kernelTables {
	t := &kernelTables{offset: k.States}
	var want []*statTable
	if memory {
		if err := t.enumerate(k); err != nil {
			t.why = err.Error()
			memory = false
		} else {
			want = append(want, t.events)
			if t.states != nil {
				want = append(want, t.states)
			}
		}
	}
	sizes := pageSizes()
	var names hugeNames
	if huge {
		names = newHugeNames(sizes)
		if len(sizes) == 1 {
			t.huge = []int64{sizes[0].bytes}
			huge = false
		}
	}
	closePools(sizes)
	if len(want) == 0 && !huge {
		return t
	}
	m, err := bpf.NewMemory()
	if err != nil {
		t.why = err.Error()
		return t
	}
	defer m.Close()
	named := lookUpSymbols(want)
	for _, s := range want {
		if a := named[s.symbol]; a != 0 {
			s.readAt(m, a)
		}
	}
	if huge || slices.ContainsFunc(want, func(s *statTable) bool { return s.found == nil }) {
		scanKernelData(m, func(at uint64, window []byte) {
			for _, s := range want {
				if named[s.symbol] == 0 || s.found == nil || s.at != named[s.symbol] {
					s.search(at, window)
				}
			}
			if huge {
				names.search(at, window)
			}
		})
	}
	if huge {
		t.huge = names.order(k)
	}
	for _, s := range want {
		if s.found == nil || s.twice {
			t.why = fmt.Sprintf("the kernel's table %s is not found: it needs CONFIG_KALLSYMS_ALL", s.symbol)
		}
	}
	return t
}

// enumerate reads the enumerators and the lengths of the tables from BTF.
func (t *kernelTables) enumerate(k *bpf.Kernel) error {
	node, err := k.Enum("node_stat_item")
	if err != nil {
		return err
	}
	own, err := k.Enum("memcg_stat_item")
	if err != nil {
		return err
	}
	if t.enums[1], err = k.Enum("vm_event_item"); err != nil {
		return err
	}
	if k.States == 0 || k.Events == 0 {
		return fmt.Errorf("the kernel's struct memcg_vmstats is of an unknown kind")
	}
	t.enums[0] = map[string]uint64{}
	for _, e := range []map[string]uint64{node, own} {
		for name, v := range e {
			t.enums[0][name] = v
		}
	}
	all := int(own["MEMCG_NR_STAT"])
	if all != k.States {
		t.states = &statTable{symbol: "mem_cgroup_stats_index", entries: all, used: k.States}
	}
	t.events = &statTable{symbol: "mem_cgroup_events_index", entries: int(t.enums[1]["NR_VM_EVENT_ITEMS"]), used: k.Events}
	t.events.require(t.enums[1],
		"PGFAULT PGMAJFAULT PGREFILL PGACTIVATE PGDEACTIVATE PGLAZYFREE PGLAZYFREED PGSCAN_KSWAPD PGSCAN_DIRECT "+
			"PGSTEAL_KSWAPD PGSTEAL_DIRECT")
	if t.states != nil {
		t.states.require(t.enums[0],
			"NR_INACTIVE_ANON NR_ACTIVE_ANON NR_INACTIVE_FILE NR_ACTIVE_FILE NR_UNEVICTABLE NR_ANON_MAPPED NR_FILE_MAPPED "+
				"NR_FILE_PAGES NR_SHMEM MEMCG_SWAP MEMCG_SOCK MEMCG_KMEM")
	}
	return nil
}

// require adds the named enumerators that the kernel has to s.need.
func (s *statTable) require(enum map[string]uint64, names string) {
	for name := range strings.FieldsSeq(names) {
		if v, ok := enum[name]; ok && int(v) < s.entries {
			s.need = append(s.need, int(v))
		}
	}
}

// tableForms lists how kernels have encoded the tables: as bytes with 255 for "not
// counted" (since Linux 6.10); before, as signed bytes or ints that hold
// index + 1, with 0 for "not counted".
var tableForms = []struct {
	width int // bytes of one entry
	first int // value that means index 0
	none  int // value that means "not counted"
}{{1, 0, 255}, {1, 1, 0}, {4, 1, 0}}

// parse decodes a table at the beginning of b, in any of its forms. It returns the
// index by enumerator (-1: not counted), or nil if b does not begin with the table.
func (s *statTable) parse(b []byte) []int16 {
	for _, f := range tableForms {
		if len(b) < s.entries*f.width || s.entries <= s.used || !s.likely(b, f.width, f.first) {
			continue
		}
		var seen [256]bool
		n, ok := 0, true
		for i := 0; i < s.entries && ok; i++ {
			v := int(b[i*f.width])
			if f.width == 4 {
				v = int(binary.LittleEndian.Uint32(b[i*4:]))
			}
			if v == f.none {
				continue
			}
			v -= f.first
			ok = v >= 0 && v < s.used && v < len(seen) && !seen[v]
			if ok {
				seen[v] = true
				n++
			}
		}
		if !ok || n != s.used {
			continue
		}
		found := make([]int16, s.entries)
		for i := range found {
			v := int(b[i*f.width])
			if f.width == 4 {
				v = int(binary.LittleEndian.Uint32(b[i*4:]))
			}
			found[i] = -1
			if v != f.none {
				found[i] = int16(v - f.first)
			}
		}
		if !slices.ContainsFunc(s.need, func(i int) bool { return found[i] < 0 }) {
			return found
		}
	}
	return nil
}

// likely is a quick test that rejects most memory: it reports whether the entries of
// s.need could be indexes.
func (s *statTable) likely(b []byte, width, first int) bool {
	last := -1
	for _, i := range s.need {
		v := int(b[i*width]) - first
		if v < 0 || v >= s.used || v == last {
			return false
		}
		last = v
	}
	return true
}

// readAt decodes the table at a kernel address. s.found stays nil if that fails.
func (s *statTable) readAt(m *bpf.Memory, at uint64) {
	var b []byte
	for page := at &^ (bpf.PageSize - 1); page < at+uint64(4*s.entries); page += bpf.PageSize {
		p, ok := m.Page(page)
		if !ok {
			return
		}
		b = append(b, p...)
	}
	if s.found = s.parse(b[at%bpf.PageSize:]); s.found != nil {
		s.at = at
	}
}

// search searches a window of kernel memory, which begins at address at, for the table.
func (s *statTable) search(at uint64, window []byte) {
	for i := 0; i+scanOverlap <= len(window); i += 8 { // tables are 8-byte aligned
		if found := s.parse(window[i : i+scanOverlap]); found != nil {
			if s.found != nil && s.at != at+uint64(i) {
				s.twice = true
			}
			s.found, s.at = found, at+uint64(i)
		}
	}
}

const (
	scanBytes   = 32 << 20 // how much is searched from init_task on: the kernel's data and bss
	scanWindow  = 256 << 10
	scanOverlap = 1024 // bytes of the longest table: 256 ints
)

// scanKernelData calls look with the kernel's data, window by window. Windows
// overlap, so that a table that is cut off at the end of one is whole in the next.
func scanKernelData(m *bpf.Memory, look func(at uint64, window []byte)) {
	start, err := m.InitTask()
	if err != nil {
		return
	}
	start &^= bpf.PageSize - 1
	window := make([]byte, 0, scanWindow+scanOverlap)
	for at := start; at < start+scanBytes; at += bpf.PageSize {
		page, ok := m.Page(at)
		if ok {
			window = append(window, page...)
		}
		if len(window) > 0 && (!ok || len(window)+bpf.PageSize > cap(window)) {
			end := at
			if ok {
				end += bpf.PageSize
			}
			look(end-uint64(len(window)), window)
			keep := 0
			if ok {
				keep = scanOverlap - 8
			}
			window = append(window[:0], window[len(window)-min(keep, len(window)):]...)
		}
	}
	if len(window) > 0 {
		look(start+scanBytes-uint64(len(window)), window)
	}
}

// lookUpSymbols returns the addresses of the tables that /proc/kallsyms lists, by
// symbol. An address of 0 means that the kernel hides it.
func lookUpSymbols(want []*statTable) map[string]uint64 {
	found := map[string]uint64{}
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return found
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		for _, s := range want {
			if !strings.HasSuffix(line, s.symbol) {
				continue
			}
			if field := strings.Fields(line); len(field) == 3 && field[2] == s.symbol {
				found[s.symbol], _ = strconv.ParseUint(field[0], 16, 64)
			}
		}
	}
	return found
}
