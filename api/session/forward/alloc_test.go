//go:build !race

package forward

import (
	"io"
	"net"
	"testing"
)

// What is passed on allocates nothing for it.
func TestAllocs(t *testing.T) {
	port := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(c, c) })
	f := newFixture(t, port)
	c := f.dial(port)
	chunk, back := make([]byte, 256<<10), make([]byte, 256<<10)
	n := testing.AllocsPerRun(200, func() {
		if _, err := c.Write(chunk); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, back); err != nil {
			t.Fatal(err)
		}
	})
	if n > 4 { // pools are emptied by a collection now and then
		t.Errorf("%v allocations for 512 KiB, which are 32 frames", n)
	}
	c.Close()
}
