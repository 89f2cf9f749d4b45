package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
)

// cluster is a NATS server, a collector and a relay, each on its own.
type cluster struct {
	dir, nats, listen, metrics string
	srv                        *embedded.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), nats: freePort(t), listen: freePort(t), metrics: freePort(t)}
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

func (c *cluster) collector(t *testing.T) *process {
	return start(t, "collector", "--nats", "nats://"+c.nats, "--data", filepath.Join(c.dir, "collector"), "--metrics", c.metrics, "--interval", "200ms")
}

func (c *cluster) relay(t *testing.T) (*process, api) {
	data := filepath.Join(c.dir, "relay")
	p := start(t, "relay", "--nats", "nats://"+c.nats, "--data", data, "--listen", c.listen)
	a := api{url: "http://" + c.listen}
	eventually(t, 30*time.Second, func() error {
		b, err := os.ReadFile(filepath.Join(data, "token"))
		if err == nil {
			a.token = strings.TrimSpace(string(b))
			_, err = a.try("/healthz")
		}
		return err
	})
	return p, a
}

// client is the Go client of the relay.
func (a api) client() *client.Client {
	c, err := client.New(a.url, a.token)
	if err != nil {
		panic(err) // the URL is of our making
	}
	return c
}

// newest is the newest tick of the only agent.
func newest(a api) (v1.Agent, error) {
	agents, err := a.client().Agents(testContext())
	if err == nil && len(agents) != 1 {
		err = fmt.Errorf("%d agents, want 1", len(agents))
	}
	if err != nil {
		return v1.Agent{}, err
	}
	return agents[0], nil
}

// past waits until the newest tick is beyond seq.
func past(t *testing.T, a api, seq uint64, within time.Duration) v1.Agent {
	t.Helper()
	var agent v1.Agent
	eventually(t, within, func() error {
		var err error
		if agent, err = newest(a); err == nil && agent.Seq <= seq {
			err = fmt.Errorf("tick %d, want one beyond %d", agent.Seq, seq)
		}
		return err
	})
	return agent
}

func TestCollectorAndRelayApart(t *testing.T) {
	c := newCluster(t)
	c.startNATS(t)
	collector := c.collector(t)
	relay, a := c.relay(t)
	waitReady(t, relay, a)
	agent := past(t, a, 5, 30*time.Second)
	if agent.Interval != 0.2 || agent.Cgroups == 0 || agent.Missing != 0 {
		t.Errorf("agent: %+v", agent)
	}
	if body := string(a.get(t, "/fleet/metrics")); !strings.Contains(body, `node_load1{agent_id="`+agent.AgentID+`"`) {
		t.Error("the fleet's exposition has no node_load1 of the agent")
	}
	collector.stop(t)
	relay.stop(t)
}

// TestNATSAwayAtStartAndLater loses no tick: what the stream could not take
// waits in the spool.
func TestNATSAwayAtStartAndLater(t *testing.T) {
	c := newCluster(t)
	collector := c.collector(t)
	relay, a := c.relay(t)
	if _, err := a.try("/readyz"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("ready without NATS: %v", err)
	}
	node := api{url: "http://" + c.metrics}
	eventually(t, 30*time.Second, func() error { // the node's own metrics need no NATS
		body, err := node.try("/metrics")
		if err == nil && !strings.Contains(string(body), "node_load1") {
			err = fmt.Errorf("no node_load1 yet")
		}
		return err
	})
	time.Sleep(2 * time.Second)
	c.startNATS(t)
	first := past(t, a, 15, 20*time.Second)
	c.stopNATS()
	time.Sleep(3 * time.Second)
	c.startNATS(t)
	last := past(t, a, first.Seq+20, 30*time.Second)
	var ticks int
	eventually(t, 40*time.Second, func() error { // the spool drains
		m, err := a.client().Query(testContext(), client.Query{Metric: "collector.ticks", Start: time.Now().Add(-3 * time.Minute), Step: 200 * time.Millisecond})
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
	collector.stop(t)
	relay.stop(t)
}

func TestRelayRestarts(t *testing.T) {
	c := newCluster(t)
	c.startNATS(t)
	c.collector(t)
	relay, a := c.relay(t)
	before := past(t, a, 10, 30*time.Second)
	relay.kill()
	time.Sleep(time.Second)
	relay, a = c.relay(t)
	after := past(t, a, before.Seq+10, 30*time.Second)
	if after.Boot != before.Boot || after.Missing != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	m, err := a.client().Query(testContext(), client.Query{Metric: "collector.ticks", Start: time.Now().Add(-3 * time.Minute), Step: 200 * time.Millisecond})
	if err != nil || len(m.Result) != 1 || uint64(len(m.Result[0].Points)) < after.Seq {
		t.Errorf("history after a kill: %v, %d series, want %d points", err, len(m.Result), after.Seq)
	}
	relay.stop(t)
}

func TestCollectorRestartsWithItsSpool(t *testing.T) {
	c := newCluster(t)
	collector := c.collector(t)
	time.Sleep(3 * time.Second)
	collector.kill()
	c.startNATS(t)
	_, a := c.relay(t)
	c.collector(t)
	eventually(t, 40*time.Second, func() error {
		m, err := a.client().Query(testContext(), client.Query{Metric: "collector.ticks", Start: time.Now().Add(-3 * time.Minute), Step: 200 * time.Millisecond})
		if err != nil {
			return err
		}
		points := 0
		for _, s := range m.Result {
			points += len(s.Points)
		}
		if points < 15 {
			return fmt.Errorf("%d ticks in %d series: those of the killed collector are missing", points, len(m.Result))
		}
		return nil
	})
}
