package ingest

import (
	"bytes"
	"context"
	"testing"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/load"
)

func tick(agent string) []byte {
	return load.NewNode(load.NodeOptions{Agent: agent, Boot: 1, Containers: 3, Start: 1e18}).Tick()[0]
}

func TestFrames(t *testing.T) {
	asked := 0
	judge := Frames(func(context.Context, *frame.Header, *Message) Verdict {
		asked++
		return Duplicate
	})
	good := tick("a.b")
	damaged := bytes.Clone(good)
	damaged[len(damaged)-1] ^= 1
	header := bytes.Clone(good)
	header[12] ^= 1 // in the agent's id, which the checksum covers
	later := bytes.Clone(good)
	later[3]++
	own := bus.Frames("c", "a.b", 16)
	for name, c := range map[string]struct {
		subject string
		data    []byte
		want    Verdict
	}{
		"good":                {own, good, Duplicate},
		"another shard":       {bus.Frames("c", "a.b", 1), good, Duplicate},
		"damaged":             {own, damaged, BadChecksum},
		"damaged header":      {own, header, BadChecksum},
		"later version":       {own, later, Version},
		"nothing":             {own, nil, Malformed},
		"cut":                 {own, good[:11], Malformed},
		"another agent":       {bus.Frames("c", "b", 16), good, WrongAgent},
		"agent not encoded":   {"daytwo.v1.c.frames.3.a.b", good, WrongSubject},
		"agent encoded oddly": {"daytwo.v1.c.frames.3.a=2eb", good, WrongSubject},
		"another subject":     {"daytwo.v1.c.logs.3.a", good, WrongSubject},
	} {
		if got := judge(t.Context(), &Message{Subject: c.subject, Data: c.data}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if asked != 2 {
		t.Errorf("the handler was asked %d times", asked)
	}
}

func TestVerdicts(t *testing.T) {
	seen := map[string]bool{}
	for v := range verdicts {
		if v.String() == "" || v.String() == "unknown" || seen[v.String()] {
			t.Errorf("verdict %d is called %q", v, v)
		}
		seen[v.String()] = true
	}
	if n := len(Rejects()); n != int(verdicts)-3 {
		t.Errorf("%d rejects", n)
	}
}

// Any message gets a verdict, and only valid frames reach the handler.
func FuzzFrames(f *testing.F) {
	f.Add(bus.Frames("c", "a", 16), tick("a"))
	f.Add("daytwo.v1.c.frames.3.=", []byte("d2f\x01"))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		judge := Frames(func(_ context.Context, h *frame.Header, m *Message) Verdict {
			agent, ok := bus.FramesAgent(subject)
			if !ok || agent != h.Agent || frame.Verify(m.Data) != nil {
				t.Fatalf("%+v got through on %q", h, subject)
			}
			return Stored
		})
		if v := judge(t.Context(), &Message{Subject: subject, Data: data}); v >= verdicts || v == Duplicate ||
			v == Orphan {
			t.Fatal(v)
		}
	})
}

func BenchmarkFrames(b *testing.B) {
	judge := Frames(func(context.Context, *frame.Header, *Message) Verdict { return Stored })
	n := load.NewNode(load.NodeOptions{Agent: "node-1", Boot: 1, Containers: 100, Start: 1e18})
	n.Tick()
	m := &Message{Subject: bus.Frames("c", "node-1", 16), Data: n.Tick()[0]}
	b.SetBytes(int64(len(m.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if judge(b.Context(), m) != Stored {
			b.Fatal("not stored")
		}
	}
}
