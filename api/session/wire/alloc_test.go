//go:build !race

package wire

import "testing"

func TestAllocNothingPerMessage(t *testing.T) {
	m := Message{Type: Data, Stream: Stdout, Offset: 1 << 30, Data: make([]byte, 1000)}
	var buf []byte
	var d Decoder
	n := testing.AllocsPerRun(1000, func() {
		buf = Append(buf[:0], &m)
		buf = Append(buf, &Message{Type: Credit, Stream: Stdout, Offset: m.Offset, Window: 65536})
		for _, piece := range [][]byte{buf[:100], buf[100:]} {
			d.Feed(piece)
			for {
				if _, ok, err := d.Next(); err != nil {
					t.Fatal(err)
				} else if !ok {
					break
				}
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for two messages", n)
	}
}
