package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// NodeOptions describe a simulated node.
type NodeOptions struct {
	Agent      string
	Containers int
	Boot       uint64
	Start      int64 // time of the first tick, Unix nanoseconds
	Interval   int64 // default one second
	KeyEvery   int   // ticks from keyframe to keyframe; default the encoder's
	MaxPayload int   // bytes of a part; default the encoder's
	Codec      frame.Codec
}

// Node generates the ticks of a simulated node as real frames: containers with a
// device each, a tenth of them busy. Equal options generate equal ticks.
type Node struct {
	Batch frame.Batch // the last tick, as it went into the encoder
	enc   *frame.Encoder
	rand  *rand.Rand
	next  uint64
	told  []*frame.Row // events of the next tick
	tells uint64
}

// NewNode returns a node that has not ticked yet.
func NewNode(o NodeOptions) *Node {
	if o.Interval == 0 {
		o.Interval = 1e9
	}
	n := &Node{
		enc:  frame.NewEncoder(frame.EncoderOptions{KeyEvery: o.KeyEvery, MaxPayload: o.MaxPayload, Codec: o.Codec}),
		rand: rand.New(rand.NewPCG(o.Boot, uint64(len(o.Agent)))),
	}
	n.Batch.Header = frame.Header{Agent: o.Agent, Boot: o.Boot, Time: o.Start - o.Interval, Interval: o.Interval}
	n.Batch.Tables = []frame.Table{{Kind: metric.Host, Gen: 1}, {Kind: metric.Container, Gen: 1},
		{Kind: metric.ContainerIO, Gen: 1}}
	n.row(metric.Host, &frame.Row{Labels: []frame.Label{{Name: "hostname", Value: "host-of-" + o.Agent}}})
	n.row(metric.Container, &frame.Row{Key: "/"})
	for i := range o.Containers {
		n.Add(fmt.Sprintf("%s-c%04d", o.Agent, i))
	}
	return n
}

// Add starts a container, and a device in it.
func (n *Node) Add(id string) {
	parent := n.row(metric.Container, &frame.Row{Key: "/docker/" + id, Labels: []frame.Label{
		{Name: "container_id", Value: id}, {Name: "image", Value: "registry.example/app:v1"},
		{Name: "task_id", Value: "task." + id}, {Name: "task_name", Value: "app"},
	}})
	n.row(metric.ContainerIO, &frame.Row{Parent: parent, Key: "sda",
		Labels: []frame.Label{{Name: "device", Value: "sda"}}})
}

// Remove ends the newest container.
func (n *Node) Remove() {
	for _, k := range []metric.Kind{metric.Container, metric.ContainerIO} {
		t := n.Batch.Table(k)
		t.Rows, t.Vals = t.Rows[:len(t.Rows)-1], t.Vals[:len(t.Vals)-t.Width()]
		t.Gen++
	}
}

func (n *Node) row(k metric.Kind, r *frame.Row) uint64 {
	n.next++
	r.ID = n.next
	t := n.Batch.Table(k)
	t.Rows = append(t.Rows, r)
	for c := range t.Width() {
		v := int64(0)
		switch c % 5 {
		case 0, 1:
			v = n.rand.Int64N(1 << 36)
		case 2:
			v = metric.Absent
		}
		t.Vals = append(t.Vals, v)
	}
	t.Gen++
	return r.ID
}

// Tell adds an event of a container (the ID of its row, 0 for none) to the next tick.
func (n *Node) Tell(parent uint64, title string, labels ...frame.Label) {
	n.tells++
	n.told = append(n.told, &frame.Row{ID: n.tells, Parent: parent, Key: title, Labels: labels})
}

// tell makes the table of events.
func (n *Node) tell() {
	b := &n.Batch
	if last := len(b.Tables) - 1; b.Tables[last].Kind == metric.Event {
		b.Tables = b.Tables[:last]
	}
	if len(n.told) == 0 {
		return
	}
	t := frame.Table{Kind: metric.Event, Gen: b.Seq, Rows: n.told}
	for range n.told {
		t.Vals = append(t.Vals, b.Time-5e8)
	}
	n.told = nil
	b.Tables = append(b.Tables, t)
}

// Tick advances the node by one tick and returns its frames, by part. They belong to
// the caller.
func (n *Node) Tick() [][]byte {
	b := &n.Batch
	b.Seq++
	b.Time += b.Interval
	n.tell()
	for i := range b.Tables {
		t := &b.Tables[i]
		if t.Kind == metric.Event {
			continue
		}
		for r := range t.Rows {
			if r > 2 && n.rand.IntN(10) > 0 {
				continue
			}
			for c, v := range t.Row(r) {
				if v > 0 {
					t.Row(r)[c] = v + n.rand.Int64N(1<<12)
				}
			}
		}
	}
	parts, err := n.enc.Encode(b)
	if err != nil {
		panic(err) // the batch is valid
	}
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = append([]byte(nil), p...)
	}
	return out
}

// Restart makes the next tick the first one of a new run of the collector.
func (n *Node) Restart(boot uint64) {
	n.Batch.Boot, n.Batch.Seq = boot, 0
}

// Jump moves the node's clock by nanoseconds.
func (n *Node) Jump(by int64) { n.Batch.Time += by }
