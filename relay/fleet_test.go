package relay

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/relay/ingest"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A thousand nodes send through a real server: all agents are listed with their newest
// tick.
func TestThousandAgents(t *testing.T) {
	const agents, ticks = 1000, 5
	b := newBroker(t)
	r := run(t, b, Config{DataDir: t.TempDir()})
	nodes := make([]*load.Node, agents)
	for i := range nodes {
		nodes[i] = load.NewNode(
			load.NodeOptions{
				Agent:      fmt.Sprintf("node-%04d", i),
				Boot:       1,
				Containers: 3,
				Start:      time.Now().UnixNano(),
				KeyEvery:   3,
				Codec:      frame.Raw,
			},
		)
	}
	for range ticks {
		for _, n := range nodes {
			for _, f := range n.Tick() {
				if _, err := b.js.PublishAsync(bus.Frames(cluster, n.Batch.Agent, setting.Shards), f); err != nil {
					t.Fatal(err)
				}
			}
		}
		<-b.js.PublishAsyncComplete()
	}
	r.taken(agents * ticks)
	s := r.Stats()
	if s.Ingest.Frames[ingest.Stored] != agents*ticks || s.Recent.Missing != 0 || s.Fleet.Agents != agents {
		t.Fatalf("%+v", s)
	}
	list := r.Fleet().Agents()
	if len(list) != agents {
		t.Fatalf("%d agents", len(list))
	}
	for i, a := range list {
		if a.ID != nodes[i].Batch.Agent || a.Seq != ticks || a.Containers != 3 {
			t.Fatalf("%+v", a)
		}
		err := r.Fleet().View(a.ID, func(got *frame.Batch) {
			for j := range got.Tables {
				for k, v := range got.Tables[j].Vals {
					if v != nodes[i].Batch.Tables[j].Vals[k] {
						t.Fatalf("%s: value %d differs", a.ID, k)
					}
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Prometheus' parser accepts the relay's own metrics, even with an agent whose id needs
// escaping.
func TestMetricsParse(t *testing.T) {
	b := newBroker(t)
	r := run(t, b, Config{})
	odd := "a\"\\\n\xff"
	n := newNode(odd)
	b.publish(odd, n.Tick()...)
	n.Tick()
	b.publish(odd, n.Tick()...)
	r.taken(2)
	var text bytes.Buffer
	r.WriteMetrics(&text)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		if len(name) < 13 || name[:13] != "daytwo_relay_" || f.GetHelp() == "" {
			t.Errorf("%s: %q", name, f.GetHelp())
		}
	}
	m := families["daytwo_relay_agent_missing"].GetMetric()
	if len(m) != 1 || m[0].GetGauge().GetValue() != 1 || m[0].GetLabel()[0].GetValue() != "a\"\\\n\uFFFD" {
		t.Errorf("%v", m)
	}
	if got := len(families["daytwo_relay_rejects_total"].GetMetric()); got != len(ingest.Rejects()) {
		t.Errorf("%d reasons", got)
	}
}

// BenchmarkAgents lists a thousand agents after each has sent another tick.
func BenchmarkAgents(b *testing.B) {
	r, err := New(
		Config{DataDir: b.TempDir(), Log: quiet, NATS: bus.ConnectOptions{URLs: "nats://127.0.0.1:1", Log: quiet}},
	)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	const agents = 1000
	nodes := make([]*load.Node, agents)
	for i := range nodes {
		nodes[i] = load.NewNode(
			load.NodeOptions{Agent: fmt.Sprintf("node-%04d", i), Boot: 1, Containers: 30, Start: time.Now().UnixNano()},
		)
	}
	tick := func() {
		for _, n := range nodes {
			data := n.Tick()[0]
			h, err := frame.Peek(data)
			if err != nil {
				b.Fatal(err)
			}
			if v := r.take(b.Context(), &h, &ingest.Message{Data: data}); v != ingest.Stored {
				b.Fatal(v)
			}
		}
	}
	tick()
	r.Fleet().Agents()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		tick()
		b.StartTimer()
		if got := r.Fleet().Agents(); len(got) != agents {
			b.Fatal(len(got))
		}
	}
}

// BenchmarkIngest takes frames from the stream of a real server into the store.
func BenchmarkIngest(b *testing.B) {
	srv := newBroker(b)
	n := load.NewNode(load.NodeOptions{Agent: "node-1", Boot: 1, Containers: 30, Start: time.Now().UnixNano()})
	var bytes int64
	for range b.N {
		data := n.Tick()[0]
		bytes += int64(len(data))
		if _, err := srv.js.PublishAsync(bus.Frames(cluster, "node-1", setting.Shards), data); err != nil {
			b.Fatal(err)
		}
	}
	<-srv.js.PublishAsyncComplete()
	b.ReportAllocs()
	b.ResetTimer()
	r := run(b, srv, Config{DataDir: b.TempDir()})
	r.taken(uint64(b.N))
	b.SetBytes(bytes / int64(b.N))
}
