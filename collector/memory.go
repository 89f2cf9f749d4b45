package collector

import (
	"runtime/debug"
	"runtime/metrics"
)

// memoryKeeper gives memory back to the kernel once what took it has passed:
// starting (the kernel's types are decoded then), growing tables, churn.
type memoryKeeper struct {
	groups int // cgroups when memory was last given back
	calm   int // ticks since their number last changed much
	done   bool
	ticks  int
	sample []metrics.Sample
}

const (
	calmTicks = 5  // how many ticks in a row must bring nothing new
	lookEvery = 60 // ticks between two looks at what lies unused

	// unused is how many bytes, beside an eighth of what is alive, may lie unused.
	unused = 2 << 20
)

// after is called after each tick with the number of cgroups.
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

// idle reports whether much of the memory that the process holds is unused.
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
