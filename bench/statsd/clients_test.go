package statsd

import (
	"fmt"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// engines are the container runtimes of the senders.
var engines = []struct {
	name  string
	start func(testing.TB) *rig.Engine
}{{"docker", rig.Docker}, {"podman", rig.Podman}}

// TestClients sends 10 of each type from inside a container with every client over
// every transport, and checks every route.
func TestClients(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			e := engine.start(t)
			env := "DOCKER_HOST=unix://" + e.Socket
			if engine.name == "podman" {
				rig.Serve(t, e)
				env = "CONTAINER_HOST=unix://" + e.Socket
			}
			clients := rig.Statsd(t)
			dir := socketDir(t)
			c := e.Run(t, rig.Spec{Name: rig.UniqueName("sender"), Args: clients.Mounts(dir),
				Labels: map[string]string{"team": "blue"}})
			_, port, _ := net.SplitHostPort(rig.FreePort(t))
			udp := net.JoinHostPort(c.Wire(t), port)
			unix := "unixgram://" + filepath.Join(dir, "s")
			n := up(t, []string{env}, "--statsd", udp+","+unix)
			waitNamed(t, n, c)

			type sender struct {
				prefix, client string
				etsy           bool
				command        []string
			}
			senders := []sender{
				{"ddx.", "datadog", false, clients.Datadog(unix, "-prefix", "ddx.")},
				{"hsx.", "hot-shots", false, clients.HotShots("hsx.", unix)},
				{"ddu.", "datadog", false, clients.Datadog(udp, "-prefix", "ddu.")},
				{"hsu.", "hot-shots", false, clients.HotShots("hsu.", udp)},
				{"etsy.", "", true, clients.Etsy("etsy.", udp)},
			}
			for _, s := range senders {
				started := time.Now()
				c.Exec(t, s.command...)
				var m *v1.Metrics
				rig.Eventually(t, 5*time.Second, func() (err error) {
					if m, err = n.app(c.ID, ""); err == nil {
						err = complete(m, s.prefix, s.etsy)
					}
					return err
				})
				t.Logf("%s: all there %v after the client was run", s.prefix, time.Since(started).Round(time.Millisecond))
				for _, d := range m.Datapoints {
					if !strings.HasPrefix(d.Name, s.prefix) {
						continue
					}
					if d.Tags["container_id"] != c.ID || d.Tags["agent_id"] != n.agent || !s.etsy &&
						(d.Tags["env"] != "e2e" || d.Tags["client"] != s.client) {
						t.Fatalf("tags of %s: %v", d.Name, d.Tags)
					}
				}
				routes(t, n, c, s.prefix)
			}
			checkLedger(t, n, c)
		})
	}
}

// waitNamed waits until the collector shows the container by its name.
func waitNamed(t *testing.T, n *node, c *rig.Container) {
	t.Helper()
	rig.Eventually(t, 10*time.Second, func() error {
		var answer struct{ Containers []v1.Container }
		if err := n.Relay.Into("/api/v1/containers", &answer); err != nil {
			return err
		}
		for _, got := range answer.Containers {
			if got.ContainerID == c.ID && got.Name == c.Name {
				return nil
			}
		}
		return fmt.Errorf("%s is not named yet", c.Name)
	})
}

// complete returns an error if something is missing of what a client sends.
func complete(m *v1.Metrics, prefix string, etsy bool) error {
	want := map[string]float64{"count": 10, "gauge": 42.5, "set": 3, "timing.count": 10, "timing.sum": 55,
		"timing.min": 1, "timing.max": 10, "timing.p50": 5}
	if etsy {
		want["sampled"] = 10
	} else {
		for _, name := range []string{"histogram", "distribution"} {
			for _, part := range []string{".count", ".sum", ".min", ".max", ".p50"} {
				want[name+part] = want["timing"+part]
			}
		}
	}
	for name, value := range want {
		i := slices.IndexFunc(m.Datapoints, func(d v1.Datapoint) bool { return d.Name == prefix+name })
		switch {
		case i < 0 && (strings.HasSuffix(name, ".min") || strings.HasSuffix(name, ".max")):
			// of the newest tick only
		case i < 0:
			return fmt.Errorf("%s%s is missing", prefix, name)
		case math.Abs(m.Datapoints[i].Value-value) > 0.01*value:
			return fmt.Errorf("%s%s is %v, want %v", prefix, name, m.Datapoints[i].Value, value)
		}
	}
	return nil
}

// routes checks every other route that shows what a client sent.
func routes(t *testing.T, n *node, c *rig.Container, prefix string) {
	t.Helper()
	one, err := n.app(c.ID, prefix+"count")
	if err != nil || len(one.Datapoints) != 1 || one.Datapoints[0].Value != 10 {
		t.Fatalf("%scount alone: %+v, %v", prefix, one, err)
	}
	if m, err := n.app(c.ID, prefix+"coun"); err == nil {
		t.Errorf("a part of a name is found: %+v", m)
	}
	name := strings.ReplaceAll(prefix, ".", "_")
	for where, body := range map[string]string{
		"/metrics": n.Node.MustGet(t, "/metrics"), "/fleet/metrics": n.Relay.MustGet(t, "/fleet/metrics"),
	} {
		for metric, want := range map[string]string{name + "count{": " 10", name + "gauge{": " 42.5", name + "set{": " 3",
			name + "timing_count{": " 10", name + "timing_sum{": " 55", name + "timing_bucket{": " 10"} {
			found := false
			for line := range strings.Lines(body) {
				line = strings.TrimSuffix(line, "\n")
				found = found || strings.HasPrefix(line, metric) && strings.Contains(line, `container_id="`+c.ID+`"`) &&
					strings.HasSuffix(line, want)
			}
			if !found {
				t.Errorf("%s has no %s…}%s", where, metric, want)
			}
		}
	}
	rig.Eventually(t, 3*time.Second, func() error {
		for metric, want := range map[string]float64{"app:" + prefix + "count": 10, "app:" + prefix + "gauge": 42.5,
			name + "timing_sum": 55} {
			var answer struct{ Data v1.Matrix }
			if err := n.Relay.Into("/api/v1/query?start=-1m&match=container_id="+c.ID+"&metric="+metric, &answer); err != nil {
				return err
			}
			r := answer.Data.Result
			if len(r) != 1 || len(r[0].Points) == 0 || r[0].Points[len(r[0].Points)-1].Value != want ||
				r[0].Labels["container_id"] != c.ID {
				return fmt.Errorf("query of %s: %+v", metric, r)
			}
		}
		var answer struct{ Data v1.Matrix }
		if err := n.Relay.Into("/api/v1/query?start=-1m&q=0.5,1&metric=app:"+prefix+"timing", &answer); err != nil {
			return err
		}
		if r := answer.Data.Result; len(r) != 2 || len(r[0].Points) == 0 ||
			math.Abs(r[0].Points[len(r[0].Points)-1].Value-5) > 0.05 {
			return fmt.Errorf("percentiles: %+v", r)
		}
		if err := n.Relay.Into("/api/v1/query?start=-1m&distinct=1&step=0&metric=app:"+prefix+"set", &answer); err != nil {
			return err
		}
		if r := answer.Data.Result; len(r) != 1 || len(r[0].Points) != 1 || r[0].Points[0].Value != 3 {
			return fmt.Errorf("distinct members: %+v", r)
		}
		return nil
	})
}

// checkLedger compares the ledger with what the clients sent, and what the
// command line says of it.
func checkLedger(t *testing.T, n *node, c *rig.Container) {
	t.Helper()
	all, err := n.ledger(t, "")
	if err != nil {
		t.Fatal(err)
	}
	own, err := n.ledger(t, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if own.Received != all.Received || own.Rejected != 0 || own.Shed != 0 || own.Events != 4 || own.ServiceChecks != 4 {
		t.Errorf("of the container %+v\nof all %+v", own, all)
	}
	out := n.Client(t, "task", "statsd", c.Name)
	if !strings.Contains(out, fmt.Sprintf("Received        %d lines", own.Received)) ||
		!strings.Contains(out, "hsu.count") {
		t.Errorf("task statsd:\n%s", out)
	}
	out = n.Client(t, "statsd", "top", "-o", "json", "--sort", "samples")
	if !strings.Contains(out, `"container": "`+c.Name+`"`) {
		t.Errorf("statsd top:\n%s", out)
	}
}
