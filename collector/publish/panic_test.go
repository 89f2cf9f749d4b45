package publish

import "testing"

// After a tick whose encoding panics the next one needs none before it.
func TestPanicInEncoding(t *testing.T) {
	o := newBroker(t).start().stream().options()
	p := start(t, o)
	n := newNode(1, 10)
	// What is published before that is lost, as there is no spool, and keyframes follow.
	eventually(t, "connected", p, func(Stats) bool { return o.Conn.IsConnected() })
	publishTicks(t, p, n, 3)
	if n.b.Keyframe() {
		t.Fatal("the third tick is a keyframe: the test shows nothing")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		bad := *n.tick()
		bad.Tables = append(bad.Tables[:0:0], bad.Tables...)
		bad.Tables[0].Rows = append(bad.Tables[0].Rows[:len(bad.Tables[0].Rows)-1:len(bad.Tables[0].Rows)-1], nil)
		bad.Tables[0].Gen++
		p.Publish(&bad)
	}()
	publishTicks(t, p, n, 1)
	if !n.b.Keyframe() {
		t.Error("the tick after it is a delta")
	}
}
