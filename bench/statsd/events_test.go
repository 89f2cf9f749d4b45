package statsd

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// events returns the events of a container.
func (n *node) events(container string) ([]v1.Event, error) {
	var answer struct{ Events []v1.Event }
	err := n.Relay.Into("/api/v1/events?limit=10000&container="+container, &answer)
	return answer.Events, err
}

// allCame returns an error if the events are not those of the client's -events, sent
// so many times.
func allCame(events []v1.Event, times int) error {
	got := map[string]int{}
	for _, e := range events {
		got[e.Title]++
	}
	want := map[string]int{"deployed é": times, "plain": times, "db.up is ok": 1, "db.up is critical, was ok": times}
	if times > 1 {
		want["db.up is ok, was critical"] = times - 1
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("%d events: %v", len(events), got)
	}
	return nil
}

// Events and service checks that Datadog's client sends inside a container arrive
// within two ticks, once each, with all fields and with the container's tags. They
// are still there after kill -9 and a restart.
func TestEvents(t *testing.T) {
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
			labels := map[string]string{"DCOS_PACKAGE_FRAMEWORK_NAME": "e2e"}
			c := e.Run(t, rig.Spec{Name: rig.UniqueName("teller"), Args: clients.Mounts(dir), Labels: labels,
				Env: map[string]string{"MESOS_TASK_ID": "job.1", "MESOS_EXECUTOR_ID": "job.1", "MESOS_FRAMEWORK_ID": "fw-1"}})
			_, port, _ := net.SplitHostPort(rig.FreePort(t))
			udp := net.JoinHostPort(c.Wire(t), port)
			unix := "unixgram://" + filepath.Join(dir, "s")
			n := up(t, []string{env}, "--statsd", udp+","+unix)
			waitNamed(t, n, c)

			var events []v1.Event
			for i, target := range []string{unix, udp} {
				c.Exec(t, clients.Datadog(target, "-events")...)
				sent := time.Now()
				rig.Eventually(t, 5*time.Second, func() (err error) {
					if events, err = n.events(c.ID); err == nil {
						err = allCame(events, i+1)
					}
					return err
				})
				t.Logf("%s: all there %v after the client ended", target, time.Since(sent).Round(time.Millisecond))
				for _, e := range events {
					if d := e.Received.Sub(sent); d > 2*time.Second {
						t.Errorf("%q came in a tick %v later", e.Title, d)
					}
				}
			}
			checkEvents(t, n, c, events)
			checkStatus(t, n, c)

			fresh := e.Run(t, rig.Spec{Name: rig.UniqueName("fresh"), Args: clients.Mounts(dir),
				Cmd: []string{"/bin/sh", "-c", strings.Join(clients.Datadog(unix, "-events"), " ") + "; sleep 1000"}})
			rig.Eventually(t, 10*time.Second, func() error {
				events, err := n.events(fresh.Name)
				if err == nil {
					err = allCame(events, 1)
				}
				return err
			})
			n.Kill()
			n.Restart(t)
			rig.Eventually(t, 10*time.Second, func() error {
				for container, times := range map[string]int{c.ID: 2, fresh.ID: 1} {
					again, err := n.events(container)
					if err == nil {
						err = allCame(again, times)
					}
					if err != nil {
						return fmt.Errorf("after a restart: %w", err)
					}
				}
				return nil
			})
		})
	}
}

// checkEvents compares events with what the client sent, and with what the command
// line shows.
func checkEvents(t *testing.T, n *node, c *rig.Container, events []v1.Event) {
	t.Helper()
	ids := map[string]bool{}
	var cons []v1.Container
	var answer struct{ Containers []v1.Container }
	if err := n.Relay.Into("/api/v1/containers", &answer); err != nil {
		t.Fatal(err)
	}
	for _, x := range answer.Containers {
		if x.ContainerID == c.ID {
			cons = append(cons, x)
		}
	}
	if len(cons) == 0 || cons[0].TaskID == "" {
		t.Fatalf("no container with a task: %+v", cons)
	}
	for _, e := range events {
		ids[e.ID] = true
		x := &cons[0]
		if e.AgentID != n.agent || e.ContainerID != c.ID || e.Cgroup == "" || e.TaskID != x.TaskID ||
			e.TaskName != x.TaskName || e.ExecutorID != x.ExecutorID ||
			e.FrameworkID != x.FrameworkID || e.FrameworkName != x.FrameworkName || e.ApplicationName != x.ApplicationName ||
			e.Tags["env"] != "e2e" || e.Truncated {
			t.Errorf("origin of %+v\nis not %+v", e, x)
		}
		switch e.Title {
		case "deployed é":
			if e.Text != "version 2\nby the test | with m: and more" || e.Time.Unix() != 1_700_000_000 || e.Host != "box" ||
				e.AggregationKey != "deploys" || e.SourceType != "ci" ||
				e.Priority != "low" || e.AlertType != "success" || e.Tags["version"] != "2" || e.Tags["canary"] != "true" {
				t.Errorf("%+v", e)
			}
		case "plain":
			if e.Text != "text" || time.Since(e.Time) > time.Minute || e.Priority != "" && e.Priority != "normal" ||
				e.Check != "" {
				t.Errorf("%+v", e)
			}
		case "db.up is critical, was ok":
			if e.Check != "db.up" || e.Status != "critical" || e.AlertType != "error" || e.Message != "no route\nto m:host" ||
				e.Host != "box" || e.Tags["shard"] != "1" {
				t.Errorf("%+v", e)
			}
		}
	}
	if len(ids) != len(events) {
		t.Errorf("%d ids of %d events", len(ids), len(events))
	}
	out := n.Client(t, "task", "events", c.Name)
	if !strings.Contains(out, "success  deployed é: version 2 by the test | with m: and more") ||
		strings.Count(out, "\n") != len(events)+1 {
		t.Errorf("task events:\n%s", out)
	}
	var listed []v1.Event
	if err := json.Unmarshal([]byte(n.Client(t, "events", "--container", c.ID, "-o", "json", "--match", "check=db.*")),
		&listed); err != nil || len(listed) != 4 {
		t.Errorf("events of the check: %v, %+v", err, listed)
	}
}

// checkStatus compares the last status of the service check in the DC/OS API, in the
// Prometheus exposition and in the history, and the ledger.
func checkStatus(t *testing.T, n *node, c *rig.Container) {
	t.Helper()
	m, err := n.app(c.ID, "db.up")
	if err != nil || len(m.Datapoints) != 1 || m.Datapoints[0].Value != 2 || m.Datapoints[0].Tags["host"] != "box" ||
		m.Datapoints[0].Tags["shard"] != "1" {
		t.Errorf("%+v, %v", m, err)
	}
	b, err := n.Node.Get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	if !slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "db_up{") && strings.Contains(l, `container_id="`+c.ID+`"`) && strings.HasSuffix(l, " 2")
	}) || strings.Contains(string(b), "deployed") {
		t.Error("the check is not exposed, or an event is")
	}
	var answer struct{ Data v1.Matrix }
	if err := n.Relay.Into("/api/v1/query?start=-1m&metric=app:db.up&match=container_id="+c.ID, &answer); err != nil ||
		len(answer.Data.Result) != 1 {
		t.Errorf("query: %+v, %v", answer, err)
	}
	l, err := n.ledger(t, c.ID)
	if err != nil || l.Events != 4 || l.ServiceChecks != 6 || l.StatusChanges != 4 || l.EventsDropped != 0 ||
		!l.Balances() {
		t.Errorf("%+v, %v", l, err)
	}
}

// A flood of events is bounded: an event is shown, or counted as dropped.
func TestEventFlood(t *testing.T) {
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	dir := socketDir(t)
	spec := rig.Spec{Args: clients.Mounts(dir)}
	loud, calm := docker.Run(t, spec), docker.Run(t, spec)
	path := filepath.Join(dir, "s")
	_, port, _ := net.SplitHostPort(rig.FreePort(t))
	udp := net.JoinHostPort(calm.Wire(t), port) // here a sender that exits at once is known
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", udp+",unixgram://"+path)
	waitNamed(t, n, loud)
	waitNamed(t, n, calm)
	const packets, each = 40, 500
	flood := make([]string, packets)
	for i := range flood {
		flood[i] = strings.TrimSuffix(strings.Repeat("_e{5,4}:flood|text\n", each), "\n")
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		loud.Exec(t, clients.Raw("unixgram://"+path, flood...)...)
	}()
	calm.Exec(t, clients.Raw(udp, `_e{4,4}:calm|text`)...)
	<-done
	l := n.account(t, loud.ID, packets*each)
	rig.Eventually(t, 5*time.Second, func() error {
		shown, err := n.events(loud.ID)
		if err != nil {
			return err
		}
		ticks := map[time.Time]int{}
		for _, e := range shown {
			if ticks[e.Received]++; ticks[e.Received] > 256 {
				return fmt.Errorf("%d events in one tick", ticks[e.Received])
			}
		}
		if int64(len(shown))+l.EventsDropped != packets*each || l.EventsDropped == 0 {
			return fmt.Errorf("%d events in %d ticks, %d dropped, of %d", len(shown), len(ticks), l.EventsDropped, packets*each)
		}
		others, err := n.events(calm.ID)
		if err == nil && len(others) != 1 {
			err = fmt.Errorf("the other container's events: %+v", others)
		}
		if err == nil {
			t.Logf("%d events in %d ticks, %d dropped", len(shown), len(ticks), l.EventsDropped)
		}
		return err
	})
	if l, err := n.ledger(t, calm.ID); err != nil || l.Events != 1 || l.EventsDropped != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}
