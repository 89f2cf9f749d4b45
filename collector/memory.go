package collector

import (
	"runtime/debug"
	"runtime/metrics"
)

// memoryKeeper returns memory to the kernel that is needed only for a time: at the
// start, when the kernel's type information is decoded, and while the number of
// cgroups changes much.
type memoryKeeper struct {
	groups int  // number of cgroups at its last large change
	calm   int  // ticks since that change
	done   bool // memory was returned since that change
	ticks  int  // since then
	sample []metrics.Sample
}

const (
	calmTicks = 5  // ticks without a large change before memory is returned
	lookEvery = 60 // ticks between two checks for unused memory

	// unused is how many bytes may be unused, in addition to an eighth of the live heap.
	unused = 2 << 20
)

// after is called after each tick with the number of cgroups. It may return memory
// to the kernel.
func (m *memoryKeeper) after(groups int) {
	if moved := groups - m.groups; moved > m.groups/8+16 || -moved > m.groups/8+16 {
		m.groups, m.calm, m.done = groups, 0, false
	}
	if !m.done {
		if m.calm++; m.calm == calmTicks {
			debug.FreeOSMemory()
			dropProgramPages()
			m.done, m.ticks = true, 0
		}
		return
	}
	if m.ticks++; m.ticks%lookEvery == 0 && m.idle() {
		debug.FreeOSMemory()
	}
}

// idle reports whether much of the process's heap is unused.
func (m *memoryKeeper) idle() bool {
	if m.sample == nil {
		m.sample = []metrics.Sample{
			{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
			{Name: "/gc/heap/live:bytes"},
		}
	}
	metrics.Read(m.sample)
	for i := range m.sample {
		if m.sample[i].Value.Kind() != metrics.KindUint64 {
			return false
		}
	}
	objects, free, live := m.sample[0].Value.Uint64(), m.sample[1].Value.Uint64(), m.sample[2].Value.Uint64()
	return objects+free > live+live/8+unused
}
