package cgroups

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// A table is recognised by its content alone, in each of the encodings that kernels
// have used.
func TestStatTableForms(t *testing.T) {
	const entries, used = 58, 40
	for _, f := range tableForms {
		s := &statTable{entries: entries, used: used, need: []int{entries - used, entries - used + 3, entries - 1}}
		put := func(b []byte, i, v int) {
			if f.width == 4 {
				binary.LittleEndian.PutUint32(b[i*4:], uint32(v))
			} else {
				b[i] = byte(v)
			}
		}
		table := make([]byte, scanOverlap)
		for i := range entries {
			put(table, i, f.none)
		}
		for i := range used {
			put(table, entries-used+(i*7)%used, i+f.first)
		}
		found := s.parse(table)
		if found == nil || found[entries-used] != 0 || found[entries-used+7] != 1 || found[0] != -1 {
			t.Fatalf("form %+v: %v", f, found)
		}
		memory := make([]byte, 8192)
		copy(memory[4096:], table)
		s.search(0x1000, memory)
		if s.at != 0x2000 || s.twice {
			t.Errorf("form %+v: found at %#x, twice: %t", f, s.at, s.twice)
		}
		s.search(0x9000, memory)
		if !s.twice {
			t.Errorf("form %+v: a second table goes unnoticed", f)
		}
		put(table, entries-used, 1+f.first) // index 1 appears twice, index 0 never
		if s.parse(table) != nil {
			t.Errorf("form %+v: a table with one index twice is taken", f)
		}
		put(table, entries-used, f.none)
		if s.parse(table) != nil {
			t.Errorf("form %+v: a table with an index missing is taken", f)
		}
	}
}

// The order of page sizes is that of the only row of names; a name that is also found
// by itself does not matter, a second row does.
func TestHugeNames(t *testing.T) {
	const size = 256
	memory := make([]byte, 8192)
	put := func(at int, name string) { copy(memory[at:], name+"\x00") }
	row := func() string {
		h := newHugeNames([]pageSize{{bytes: 2 << 20}, {bytes: 1 << 30}})
		h.search(0x1000, memory)
		return fmt.Sprint(h.row(size))
	}
	put(1000, "hugepages-2048kB")
	put(4000, "hugepages-1048576kB")
	put(4000+2*size, "hugepages-2048kB")
	if got := row(); got != "[]" {
		t.Errorf("names that are too far apart: %s", got)
	}
	put(2000, "hugepages-1048576kB")
	put(2000+size, "hugepages-2048kB")
	if got := row(); got != "[1073741824 2097152]" {
		t.Errorf("among names by themselves: %s", got)
	}
	put(6000, "hugepages-2048kB")
	put(6000+size, "hugepages-1048576kB")
	if got := row(); got != "[]" {
		t.Errorf("two rows: %s", got)
	}
}

func TestItemCounters(t *testing.T) {
	for name, want := range map[string]string{
		"anon": "NR_ANON_MAPPED", "total_rss": "NR_ANON_MAPPED", "pgfault": "PGFAULT", "total_pgmajfault": "PGMAJFAULT",
		"total_inactive_file": "NR_INACTIVE_FILE", "workingset_refault_anon": "WORKINGSET_REFAULT_ANON",
	} {
		if got := itemCounters(name).counters; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
