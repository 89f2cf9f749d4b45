//go:build !race

package logdriver

import "testing"

// Reading what an entry says of its place in a line allocates nothing.
func TestAllocRead(t *testing.T) {
	var m maker
	m.docker('a', false, "line")
	m.podman('b', true, "line")
	m.add("MESSAGE", "line")
	m.piece('c', false, "line", "x", 1, true)
	var p Piece
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range m.all {
			p.Read(e.fields)
			TrimNewline(e.fields)
		}
	}); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}
