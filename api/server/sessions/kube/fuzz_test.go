package kube

import (
	"bytes"
	"testing"

	"github.com/daytwo/daytwo/api/session/wire"
)

// Whatever a client sends: the node gets whole messages of a client, all input before its end
// and none after it, and never more than it has room for (which node checks).
func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x05\x00hello\x02\xff\x00\x03\x00no"), true, true)
	f.Add([]byte("\x1b\x04{\"Width\":203,\"Height\":57}\x00\x01\x04"), true, false)
	f.Add([]byte("\x02\xff\x00\x02\x00x"), false, true)
	f.Fuzz(func(t *testing.T, messages []byte, half, stdin bool) {
		n := newNode(t)
		b := newBridge([wire.Streams]bool{stdin, true, true}, half, nil)
		b.open(n, 0, 0)
		n.start(1 << 20)
		p, _ := n.Next()
		for len(p) > 0 {
			m, size, err := wire.Parse(p)
			if err != nil || b.take(&m) != nil {
				t.Fatal(err)
			}
			p = p[size:]
		}
		var want []byte
		ended := false
		for len(messages) > 0 {
			size := min(int(messages[0]), len(messages)-1)
			m := messages[1 : 1+size]
			messages = messages[1+size:]
			if err := b.receive(bytes.NewReader(m)); err != nil {
				t.Fatalf("%x: %v", m, err)
			}
			switch {
			case !stdin:
			case size > 0 && m[0] == channelStdin && !ended:
				want = append(want, m[1:]...)
			case half && size > 1 && m[0] == channelClose && m[1] == channelStdin:
				ended = true
			}
		}
		if in, gotEnd := n.got(); in != string(want) || gotEnd != ended {
			t.Errorf("%q, ended %v, want %q, %v", in, gotEnd, want, ended)
		}
		for _, s := range n.sizes {
			if s[0] == 0 || s[1] == 0 {
				t.Errorf("the size %v", s)
			}
		}
	})
}
