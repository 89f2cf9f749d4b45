package cgroups

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/bpf"
)

// statIndex maps the raw counters of a memory cgroup to the columns of memory.stat.
// The file itself shows which items the kernel has; the kernel's own tables
// (kernelTables) show which counter an item is. If a single item is not certain,
// why is set, and the file is read instead.
type statIndex struct {
	why   string // why the map is not known, "" if it is
	items []statValue
}

// statValue is one item of memory.stat: the sum of one to four counters.
type statValue struct {
	cols  []int16
	index [4]int16 // indexes into state[] followed by events[]; -1 after the last one
	unit  int64    // factor from the counters to the item's value
	event bool     // the counters are from events[]
}

// counterItem is an item of memory.stat and the counters that the kernel adds up for it.
type counterItem struct {
	name     string
	unit     int64  // factor from the counters to the item's value
	counters string // enumerators, space-separated
}

// counterItems repeats memory_stats[] and memcg_stat_format() of mm/memcontrol.c.
var counterItems = []counterItem{
	{"anon", pageSize4K, "NR_ANON_MAPPED"},
	{"file", pageSize4K, "NR_FILE_PAGES"},
	{"kernel", pageSize4K, "MEMCG_KMEM"},
	{"kernel_stack", 1024, "NR_KERNEL_STACK_KB"},
	{"pagetables", pageSize4K, "NR_PAGETABLE"},
	{"sec_pagetables", pageSize4K, "NR_SECONDARY_PAGETABLE"},
	{"percpu", 1, "MEMCG_PERCPU_B"},
	{"sock", pageSize4K, "MEMCG_SOCK"},
	{"vmalloc", pageSize4K, "MEMCG_VMALLOC"},
	{"shmem", pageSize4K, "NR_SHMEM"},
	{"zswap", 1, "MEMCG_ZSWAP_B"},
	{"zswapped", pageSize4K, "MEMCG_ZSWAPPED"},
	{"file_mapped", pageSize4K, "NR_FILE_MAPPED"},
	{"file_dirty", pageSize4K, "NR_FILE_DIRTY"},
	{"file_writeback", pageSize4K, "NR_WRITEBACK"},
	{"swapcached", pageSize4K, "NR_SWAPCACHE"},
	{"anon_thp", pageSize4K, "NR_ANON_THPS"},
	{"file_thp", pageSize4K, "NR_FILE_THPS"},
	{"shmem_thp", pageSize4K, "NR_SHMEM_THPS"},
	{"inactive_anon", pageSize4K, "NR_INACTIVE_ANON"},
	{"active_anon", pageSize4K, "NR_ACTIVE_ANON"},
	{"inactive_file", pageSize4K, "NR_INACTIVE_FILE"},
	{"active_file", pageSize4K, "NR_ACTIVE_FILE"},
	{"unevictable", pageSize4K, "NR_UNEVICTABLE"},
	{"slab_reclaimable", 1, "NR_SLAB_RECLAIMABLE_B"},
	{"slab_unreclaimable", 1, "NR_SLAB_UNRECLAIMABLE_B"},
	{"slab", 1, "NR_SLAB_RECLAIMABLE_B NR_SLAB_UNRECLAIMABLE_B"},
	{"hugetlb", pageSize4K, "NR_HUGETLB"},
	{"pgscan", 1, "PGSCAN_KSWAPD PGSCAN_DIRECT PGSCAN_KHUGEPAGED PGSCAN_PROACTIVE"},
	{"pgsteal", 1, "PGSTEAL_KSWAPD PGSTEAL_DIRECT PGSTEAL_KHUGEPAGED PGSTEAL_PROACTIVE"},
	{"numa_pages_migrated", 1, "NUMA_PAGE_MIGRATE"},
	{"numa_task_migrated", 1, "NUMA_TASK_MIGRATE"},
	{"numa_task_swapped", 1, "NUMA_TASK_SWAP"},
	// cgroup v1 (memcg1_stat_format()), under the names that the catalogue uses.
	{"total_cache", pageSize4K, "NR_FILE_PAGES"},
	{"total_rss", pageSize4K, "NR_ANON_MAPPED"},
	{"total_rss_huge", pageSize4K, "NR_ANON_THPS"},
	{"total_mapped_file", pageSize4K, "NR_FILE_MAPPED"},
	{"total_dirty", pageSize4K, "NR_FILE_DIRTY"},
	{"total_writeback", pageSize4K, "NR_WRITEBACK"},
	{"total_swap", pageSize4K, "MEMCG_SWAP"},
}

// itemCounters returns the counters of an item. An item that is not in counterItems
// has the name of its enumerator in lower case: workingset_*, pgfault, thp_*, …
func itemCounters(name string) counterItem {
	if i := slices.IndexFunc(counterItems, func(c counterItem) bool { return c.name == name }); i >= 0 {
		return counterItems[i]
	}
	if bare, ok := strings.CutPrefix(name, "total_"); ok {
		return itemCounters(bare)
	}
	return counterItem{name, 1, strings.ToUpper(name)}
}

// newStatIndex builds the map for the items in the memory.stat file at path.
func newStatIndex(k *bpf.Kernel, t *kernelTables, path string, v2 bool) *statIndex {
	x := &statIndex{}
	text, err := os.ReadFile(path)
	if err != nil {
		x.why = err.Error()
		return x
	}
	if x.why = t.why; x.why != "" {
		return x
	}
	columns := newStatParser(v2).columns
	var unsure []string
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, " ")
		cols := columns[name]
		if cols == nil {
			continue
		}
		item := itemCounters(name)
		if !v2 && strings.HasPrefix(name, "total_workingset") && !k.HasFunc("memcg_page_state_output") {
			item.unit = pageSize4K // before Linux 6.8 v1 prints these in bytes
		}
		v := statValue{cols: cols, unit: item.unit, index: [4]int16{-1, -1, -1, -1}}
		found := 0
		for counter := range strings.FieldsSeq(item.counters) {
			i, ok := t.counter(counter)
			if ok && !v2 && !strings.HasPrefix(name, "total_") { // the group's own
				ok = i >= k.States && k.LocalEvents > 0
				i += k.LocalEvents - k.States
			}
			if !ok && !t.knows(counter) {
				continue // this kernel has no such counter, and does not add it
			}
			if !ok {
				found = -1
				break
			}
			v.index[found] = int16(i)
			v.event = i >= k.States
			found++
		}
		if found <= 0 {
			unsure = append(unsure, name)
			continue
		}
		x.items = append(x.items, v)
	}
	switch {
	case len(unsure) > 0:
		x.why = fmt.Sprintf("%d of %d items of memory.stat are not found in the kernel's counters: %s", len(unsure),
			len(unsure)+len(x.items), strings.Join(unsure, " "))
	case len(x.items) == 0:
		x.why = path + " has no item that is known"
	}
	return x
}

// fill writes the memory.stat columns of one group. raw is its state[] followed by
// events[].
func (x *statIndex) fill(raw []int64, row []int64) {
	for k := range x.items {
		it := &x.items[k]
		sum := int64(0)
		for _, i := range it.index {
			if i < 0 {
				break
			}
			if v := raw[i]; v > 0 || it.event { // as memcg_page_state() does
				sum += v
			}
		}
		sum *= it.unit
		for _, c := range it.cols {
			row[c] = sum
		}
	}
}
