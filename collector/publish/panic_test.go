package publish

import "testing"

// After a tick whose encoding panics the next one needs none before it.
func TestPanicInEncoding(t *testing.T) {
	p := start(t, newBroker(t).options())
	n := newNode(1, 10)
	eventually(t, "a delta", p, func(Stats) bool { // the sender may ask for a keyframe when it begins
		publishTicks(t, p, n, 1)
		return !n.b.Keyframe()
	})
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
