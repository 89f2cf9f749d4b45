package relay

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/relay/ingest"
)

func TestEndToEnd(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	b.publish("node-1", n.Tick()...) // before there is a relay
	r := run(t, b, Config{DataDir: t.TempDir()})
	wait(t, "readiness", func() bool { return r.ingest.Ready() == nil })
	for range 30 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(31)
	r.complete("node-1", 31)
	agents := r.Fleet().Agents()
	if len(agents) != 1 || agents[0].ID != "node-1" || agents[0].Hostname != "host-of-node-1" || agents[0].Seq != 31 ||
		agents[0].Containers != 10 || agents[0].Cgroups != 11 || agents[0].Missing != 0 || agents[0].Stale {
		t.Fatalf("%+v", agents)
	}
	err := r.Fleet().View("node-1", func(got *frame.Batch) {
		for i := range n.Batch.Tables {
			want := &n.Batch.Tables[i]
			have := got.Table(want.Kind)
			if have == nil || len(have.Rows) != len(want.Rows) {
				t.Fatalf("%v: rows", want.Kind)
			}
			for j, v := range want.Vals {
				if have.Vals[j] != v {
					t.Fatalf("%v: value %d is %d, want %d", want.Kind, j, have.Vals[j], v)
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "the disk", func() bool { return r.Stats().Recent.Pending == 0 })
	var m bytes.Buffer
	r.WriteMetrics(&m)
	for _, line := range []string{
		"daytwo_relay_frames_total 31\n", "daytwo_relay_stored_total 31\n", "daytwo_relay_ready 1\n",
		"daytwo_relay_agents 1\n",
		"daytwo_relay_memory_frames 31\n", "daytwo_relay_disk_frames 31\n",
		"daytwo_relay_rejects_total{reason=\"checksum\"} 0\n",
	} {
		if !strings.Contains(m.String(), line) {
			t.Errorf("no %q in\n%s", line, m.String())
		}
	}
}

// Two relays each receive all frames; one is restarted while frames arrive.
func TestRestart(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	n := newNode("node-1")
	other := run(t, b, Config{DataDir: t.TempDir()})
	r := run(t, b, Config{DataDir: dir})
	published := 0
	publish := func(ticks int) {
		for range ticks {
			b.publish("node-1", n.Tick()...)
			published++
		}
	}
	for range 3 {
		publish(25)
		r.taken(5)
		r.stop() // somewhere in the middle
		publish(10)
		r = run(t, b, Config{DataDir: dir})
		publish(5)
	}
	wait(t, "all ticks", func() bool { return r.Stats().Ingest.Pending == 0 && len(r.history("node-1")) >= published })
	r.complete("node-1", published)
	s := r.Stats()
	if s.Ingest.Frames[ingest.Orphan] != 0 || s.Recent.Missing != 0 || s.Fleet.Restarts != 0 {
		t.Fatalf("%+v", s)
	}
	other.taken(uint64(published))
	other.complete("node-1", published)
	if d := other.Stats().Ingest.Frames[ingest.Duplicate]; d != 0 {
		t.Fatalf("%d duplicates without a restart", d)
	}
}

// A relay dies with frames that it neither stored nor acknowledged, among them a
// keyframe. After the restart none is missing.
func TestCrash(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	n := newNode("node-1")
	for range 19 {
		b.publish("node-1", n.Tick()...)
	}
	r := run(t, b, Config{DataDir: dir, ID: "r1"})
	r.taken(19)
	r.stop()
	for range 30 { // tick 21 is a keyframe
		b.publish("node-1", n.Tick()...)
	}
	c, err := b.js.Consumer(t.Context(), bus.FramesStream(cluster), "relay_r1")
	if err != nil {
		t.Fatal(err)
	}
	dropped, err := c.Fetch(10)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for range dropped.Messages() {
		got++
	}
	if got != 10 {
		t.Fatalf("%d frames", got)
	}
	r = run(t, b, Config{DataDir: dir, ID: "r1"})
	r.taken(30)
	r.complete("node-1", 49)
	if s := r.Stats(); s.Ingest.Frames[ingest.Orphan] != 0 || s.Recent.Late != 0 {
		t.Fatalf("%+v", s)
	}
}

// Invalid frames, and frames on another agent's subject, are counted by reason and do
// not stop the stream.
func TestPoison(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{})
	first := n.Tick()[0]
	b.publish("node-1", first)
	damaged := bytes.Clone(first)
	damaged[len(damaged)-1] ^= 1
	later := bytes.Clone(first)
	later[3] = 99
	b.publish("node-1", []byte{}, []byte("rubbish"), bytes.Repeat([]byte{0xff}, 100_000), damaged, later, first)
	b.publish("node-2", first) // on another agent's subject
	odd := newNode("node-1")
	odd.Batch.Interval = 0
	b.publish("node-1", odd.Tick()...)
	if _, err := b.js.Publish(t.Context(), "daytwo.v1."+cluster+".frames.not.where.frames.go", first); err != nil {
		t.Fatal(err)
	}
	b.publish("node-1", n.Tick()...)
	r.taken(11)
	r.complete("node-1", 2)
	s := r.Stats().Ingest
	for v, want := range map[ingest.Verdict]uint64{
		ingest.Stored: 2, ingest.Malformed: 3, ingest.BadChecksum: 1, ingest.Version: 1, ingest.Duplicate: 1,
		ingest.WrongAgent: 1, ingest.BadHeader: 1, ingest.WrongSubject: 1, ingest.Orphan: 0,
	} {
		if s.Frames[v] != want {
			t.Errorf("%v: %d, want %d", v, s.Frames[v], want)
		}
	}
	wait(t, "acknowledgements", func() bool {
		c, err := b.js.Consumer(t.Context(), bus.FramesStream(cluster), "relay_"+r.cfg.ID)
		return err == nil && c.CachedInfo().NumAckPending == 0
	})
}

func TestLostKeyframe(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{})
	for i := 1; i <= 50; i++ {
		f := n.Tick()
		if i != 21 { // a keyframe
			b.publish("node-1", f...)
		}
	}
	r.taken(49)
	s := r.Stats()
	if s.Ingest.Frames[ingest.Orphan] != 19 || s.Recent.Gaps != 1 || len(r.history("node-1")) != 30 {
		t.Fatalf("%+v", s)
	}
	if a := r.Fleet().Agents(); a[0].Missing != 1 || a[0].Seq != 50 {
		t.Fatalf("%+v", a)
	}
}

// While NATS is unreachable the relay is not ready; afterwards nothing is lost.
func TestServerAway(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{DataDir: t.TempDir()})
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(10)
	b.stop()
	wait(t, "unreadiness", func() bool { return r.ingest.Ready() != nil })
	b.start()
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	wait(t, "readiness", func() bool { return r.ingest.Ready() == nil })
	r.taken(20)
	r.complete("node-1", 20)
}

// A relay ends on request although NATS becomes unreachable at that moment.
func TestEndWithServerAway(t *testing.T) {
	for range 3 {
		b := newBroker(t)
		r := run(t, b, Config{DataDir: t.TempDir()})
		b.publish("node-1", newNode("node-1").Tick()...)
		r.taken(1)
		ended := make(chan struct{})
		go func() { r.stop(); close(ended) }()
		b.stop()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the relay does not end")
		}
	}
}

// A relay that starts before NATS does creates the stream later.
func TestServerLater(t *testing.T) {
	b := newBroker(t)
	if err := b.js.DeleteStream(t.Context(), bus.FramesStream(cluster)); err != nil {
		t.Fatal(err)
	}
	b.stop()
	r := run(t, b, Config{})
	time.Sleep(100 * time.Millisecond)
	if err := r.ingest.Ready(); err == nil {
		t.Fatal("ready without a server")
	}
	b.start()
	n := newNode("node-1")
	b.publish("node-1", n.Tick()...)
	r.taken(1)
	r.complete("node-1", 1)
}

// If the consumer is deleted while the relay runs, the relay creates another one.
func TestConsumerDeleted(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{DataDir: t.TempDir(), ID: "r1"})
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(10)
	if err := b.js.DeleteConsumer(t.Context(), bus.FramesStream(cluster), "relay_r1"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(20)
	wait(t, "all ticks", func() bool { return len(r.history("node-1")) == 20 })
	r.complete("node-1", 20)
}

func TestID(t *testing.T) {
	dir := t.TempDir()
	one := Config{DataDir: dir}
	two := Config{DataDir: dir}
	if err := one.defaults(); err != nil {
		t.Fatal(err)
	}
	if err := two.defaults(); err != nil || one.ID != two.ID {
		t.Fatal(err, one.ID, two.ID)
	}
	path := filepath.Join(dir, "relay-id")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // as after a power cut
		t.Fatal(err)
	}
	three, four := Config{DataDir: dir}, Config{DataDir: dir}
	if err := errors.Join(three.defaults(), four.defaults()); err != nil || three.ID == "" || three.ID != four.ID {
		t.Fatal(err, three.ID, four.ID)
	}
	spoilt := t.TempDir()
	if err := os.WriteFile(filepath.Join(spoilt, "relay-id"), []byte("a.b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	five := Config{DataDir: spoilt}
	if err := five.defaults(); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a malformed id: %v", err)
	}
	for name, c := range map[string]Config{
		"a bad id":            {ID: "a.b"},
		"a file as directory": {DataDir: filepath.Join(dir, "relay-id", "x")},
	} {
		if err := c.defaults(); err == nil {
			t.Error(name)
		}
	}
	if _, err := New(Config{ID: "x", NATS: bus.ConnectOptions{Credentials: filepath.Join(dir, "none")}}); err == nil {
		t.Error("credentials that are not there")
	}
}
