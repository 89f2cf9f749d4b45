package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// cluster is a NATS server, a collector and a relay as separate programs.
type cluster struct {
	dir, nats string
	srv       *embedded.Server
	flags     []string // of both programs, beside --nats
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), nats: rig.FreePort(t)}
	t.Cleanup(func() {
		if c.srv != nil {
			c.srv.Close()
		}
	})
	return c
}

func (c *cluster) startNATS(t *testing.T) {
	t.Helper()
	var err error
	if c.srv, err = embedded.Start(embedded.Options{StoreDir: filepath.Join(c.dir, "nats"), Listen: c.nats}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) stopNATS() {
	c.srv.Close()
	c.srv = nil
}

// collector starts one; it may be the second over the same data.
func (c *cluster) collector(t *testing.T) *rig.Daytwo {
	t.Helper()
	return rig.Start(t, rig.Options{Program: "collector", Data: filepath.Join(c.dir, "collector"),
		Args: append([]string{"--nats", "nats://" + c.nats, "--interval", "200ms", "--no-bpf"}, c.flags...)})
}

// relay starts one and waits until it answers, which it does without NATS too.
func (c *cluster) relay(t *testing.T) *rig.Daytwo {
	t.Helper()
	d := rig.Start(t, rig.Options{Program: "relay", Data: filepath.Join(c.dir, "relay"),
		Args: append([]string{"--nats", "nats://" + c.nats}, c.flags...)})
	rig.Eventually(t, rig.Ready, func() error {
		if err := d.ReadToken(); err != nil {
			return err
		}
		_, err := d.Relay.Get("/healthz")
		return err
	})
	return d
}

// clientOf returns the Go client for a relay.
func clientOf(a rig.API) *client.Client {
	c, err := client.New(a.URL, a.Token)
	if err != nil {
		panic(err) // the URL is valid
	}
	return c
}

// newest returns the only agent, with its newest tick.
func newest(a rig.API) (v1.Agent, error) {
	agents, err := clientOf(a).Agents(context.Background())
	if err == nil && len(agents) != 1 {
		err = fmt.Errorf("%d agents, want 1", len(agents))
	}
	if err != nil {
		return v1.Agent{}, err
	}
	return agents[0], nil
}

// past waits until the newest tick is beyond seq.
func past(t *testing.T, a rig.API, seq uint64, within time.Duration) v1.Agent {
	t.Helper()
	var agent v1.Agent
	rig.Eventually(t, within, func() error {
		var err error
		if agent, err = newest(a); err == nil && agent.Seq <= seq {
			err = fmt.Errorf("tick %d, want one beyond %d", agent.Seq, seq)
		}
		return err
	})
	return agent
}

// ticksOn waits until a collector has ticked n times more.
func ticksOn(t *testing.T, d *rig.Daytwo, n float64) {
	t.Helper()
	var from float64
	rig.Eventually(t, rig.Ready, func() (err error) { // it may just have started
		from, err = metricOf(d.Node, "daytwo_collector_ticks_total")
		return err
	})
	rig.Eventually(t, 30*time.Second, func() error {
		now, err := metricOf(d.Node, "daytwo_collector_ticks_total")
		if err == nil && now < from+n {
			err = fmt.Errorf("%v ticks of %v", now-from, n)
		}
		return err
	})
}

// metricOf returns the value of a metric without labels.
func metricOf(a rig.API, name string) (float64, error) {
	body, err := a.Get("/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(body)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

func TestCollectorAndRelayApart(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startNATS(t)
	collector := c.collector(t)
	relay := c.relay(t)
	a := relay.Relay
	relay.WaitReady(t)
	agent := past(t, a, 5, 30*time.Second)
	if agent.Interval != 0.2 || agent.Cgroups == 0 || agent.Missing != 0 {
		t.Errorf("agent: %+v", agent)
	}
	if body := a.MustGet(t, "/fleet/metrics"); !strings.Contains(body, `node_load1{agent_id="`+agent.AgentID+`"`) {
		t.Error("the fleet's exposition has no node_load1 of the agent")
	}
	collector.Stop(t)
	relay.Stop(t)
}

// TestNATSAwayAtStartAndLater loses no tick while NATS is unreachable: frames wait in
// the spool.
func TestNATSAwayAtStartAndLater(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	collector := c.collector(t)
	relay := c.relay(t)
	a := relay.Relay
	if _, err := a.Get("/readyz"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("ready without NATS: %v", err)
	}
	rig.Eventually(t, 30*time.Second, func() error { // the node's own metrics need no NATS
		body, err := collector.Node.Get("/metrics")
		if err == nil && !strings.Contains(string(body), "node_load1") {
			err = fmt.Errorf("no node_load1 yet")
		}
		return err
	})
	ticksOn(t, collector, 10)
	c.startNATS(t)
	first := past(t, a, 15, 20*time.Second)
	c.stopNATS()
	ticksOn(t, collector, 15)
	c.startNATS(t)
	last := past(t, a, first.Seq+20, 30*time.Second)
	var ticks int
	rig.Eventually(t, 40*time.Second, func() error { // the spool drains
		m, err := clientOf(a).Query(context.Background(), client.Query{Metric: "collector.ticks",
			Start: time.Now().Add(-3 * time.Minute), Step: 200 * time.Millisecond})
		if err != nil {
			return err
		}
		if len(m.Result) != 1 {
			return fmt.Errorf("%d series of collector.ticks", len(m.Result))
		}
		ticks = len(m.Result[0].Points)
		if uint64(ticks) < last.Seq {
			return fmt.Errorf("%d ticks are there of at least %d", ticks, last.Seq)
		}
		return nil
	})
	if agent, err := newest(a); err != nil || agent.Missing != 0 {
		t.Errorf("gaps: %+v, %v", agent, err)
	}
	t.Logf("all of %d ticks arrived over two outages", ticks)
	collector.Stop(t)
	relay.Stop(t)
}

func TestRelayRestarts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startNATS(t)
	collector := c.collector(t)
	relay := c.relay(t)
	a := relay.Relay
	before := past(t, a, 10, 30*time.Second)
	relay.Kill()
	ticksOn(t, collector, 5)
	relay = c.relay(t)
	a = relay.Relay
	after := past(t, a, before.Seq+10, 30*time.Second)
	if after.Boot != before.Boot || after.Missing != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	m, err := clientOf(a).Query(context.Background(), client.Query{Metric: "collector.ticks",
		Start: time.Now().Add(-3 * time.Minute), Step: 200 * time.Millisecond})
	if err != nil || len(m.Result) != 1 || uint64(len(m.Result[0].Points)) < after.Seq {
		t.Errorf("history after a kill: %v, %d series, want %d points", err, len(m.Result), after.Seq)
	}
	relay.Stop(t)
}

// What a collector that was killed had in its spool arrives when the next one runs.
func TestCollectorRestartsWithItsSpool(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	collector := c.collector(t)
	const spooled = 10
	rig.Eventually(t, rig.Ready, func() error {
		n, err := metricOf(collector.Node, "daytwo_collector_spool_frames")
		if err == nil && n < spooled {
			err = fmt.Errorf("%v frames in the spool", n)
		}
		return err
	})
	collector.Kill()
	killed := time.Now()
	c.startNATS(t)
	a := c.relay(t).Relay
	c.collector(t)
	rig.Eventually(t, 40*time.Second, func() error {
		q := client.Query{Metric: "collector.ticks", Start: time.Now().Add(-3 * time.Minute), Step: 200 * time.Millisecond}
		m, err := clientOf(a).Query(context.Background(), q)
		if err != nil {
			return err
		}
		before, after := 0, 0
		for _, s := range m.Result {
			for _, p := range s.Points {
				if p.Time.Before(killed) {
					before++
				} else {
					after++
				}
			}
		}
		if before < spooled || after == 0 {
			return fmt.Errorf("%d ticks of the killed collector, want %d; %d of the next one", before, spooled, after)
		}
		return nil
	})
}
