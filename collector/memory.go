package collector

import "runtime/debug"

// gcPercent is how much garbage may pile up on what is alive, in percent. A
// steady node makes next to none, so a small number costs nothing and bounds
// what churn can take.
const gcPercent = 25

// memoryKeeper gives memory back to the kernel once what took it has passed:
// starting (the kernel's types are decoded then), and growing tables.
type memoryKeeper struct {
	groups int // cgroups when memory was last given back
	calm   int // ticks since their number last changed much
	done   bool
}

// calmTicks is how many ticks in a row must bring nothing new.
const calmTicks = 5

// after is called after each tick with the number of cgroups.
func (m *memoryKeeper) after(groups int) {
	if moved := groups - m.groups; moved > m.groups/8+16 || -moved > m.groups/8+16 {
		m.groups, m.calm, m.done = groups, 0, false
	}
	if m.done {
		return
	}
	if m.calm++; m.calm == calmTicks {
		debug.FreeOSMemory()
		m.done = true
	}
}
