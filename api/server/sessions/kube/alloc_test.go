//go:build !race

package kube

import (
	"bytes"
	"testing"

	"github.com/daytwo/daytwo/api/session/wire"
)

type discarding struct{ *node }

func (discarding) Send([]byte) error { return nil }

// Nothing is allocated for input and output that passes.
func TestAllocBridge(t *testing.T) {
	b := newBridge(all, true, func([]byte) error { return nil })
	b.open(discarding{newNode(t)}, 0, 0)
	b.started, b.writes, b.room = true, true, 1<<60
	data := bytes.Repeat([]byte("x"), wire.MaxData)
	m := &wire.Message{Type: wire.Data, Stream: wire.Stdout, Data: data}
	in := bytes.NewReader(nil)
	message := append([]byte{channelStdin}, data...)
	if n := testing.AllocsPerRun(1000, func() {
		if err := b.take(m); err != nil {
			t.Fatal(err)
		}
		m.Offset += uint64(len(data))
		in.Reset(message)
		if err := b.receive(in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
