//go:build !race

package logdriver

import "testing"

// Entries that are whole lines cost nothing, also while a piece waits.
func TestAllocAdd(t *testing.T) {
	var m maker
	d, p, other := m.docker('a', false, "line"), m.podman('b', true, "line"), m.add("MESSAGE", "line")
	var j Joiner
	step := func() {
		for range 10 {
			j.Add(d)
			j.Add(p)
			j.Add(other)
		}
	}
	for range 2 {
		if n := testing.AllocsPerRun(100, step); n != 0 {
			t.Errorf("30 entries allocate %v times", n)
		}
		j.Add(m.docker('c', false, full16, fieldPartial, "true"))
		d.Realtime, p.Realtime, other.Realtime = 5000, 5000, 5000
	}
}
