package statsd

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// A container gets its own port by the launch API, served inside its own network
// namespace. What it sends there is known as its own, although the packets do not say
// who sent them. After kill -9 the port is the same.
func TestOwnPort(t *testing.T) {
	t.Parallel()
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	c := docker.Run(t, rig.Spec{Name: rig.UniqueName("launched"), Args: clients.Mounts()})
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", rig.FreePort(t))
	waitNamed(t, n, c)
	c.LoopbackUp(t)
	got, err := launch.NewClient(filepath.Join(n.Data, launch.SocketName)).Add(t.Context(), launch.Request{
		ContainerID: c.ID, Name: c.Name, Netns: fmt.Sprintf("/proc/%d/ns/net", c.PID),
	})
	if err != nil {
		t.Fatal(err)
	}
	target := net.JoinHostPort(got.StatsdHost, strconv.Itoa(int(got.StatsdPort)))
	t.Logf("STATSD_UDP_HOST and STATSD_UDP_PORT: %s", target)
	for round := range 2 {
		prefix := fmt.Sprintf("own%d.", round)
		c.Exec(t, clients.HotShots(prefix, target)...)
		c.Exec(t, clients.Raw(target, prefix+"raw:1|c")...)
		rig.Eventually(t, 5*time.Second, func() error {
			m, err := n.app(c.ID, prefix+"raw")
			if err != nil {
				return err
			}
			if m.Datapoints[0].Value != 1 || m.Datapoints[0].Tags["container_id"] != c.ID {
				return fmt.Errorf("%+v", m.Datapoints)
			}
			if m, err = n.app(c.ID, ""); err == nil {
				err = complete(m, prefix, false)
			}
			return err
		})
		if l, err := n.ledger(t, c.ID); err != nil || l.Rejected+l.Shed > 0 || l.Packets == 0 {
			t.Errorf("%+v, %v", l, err)
		}
		if round == 0 {
			n.Kill()
			n.Restart(t)
			waitNamed(t, n, c)
		}
	}
}

// A launcher, as a Mesos agent, gives only the id of a container, before the container
// exists. The container is served in its own network namespace as soon as its runtime
// knows it, and again after kill -9.
func TestOwnPortByID(t *testing.T) {
	t.Parallel()
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", rig.FreePort(t), "--interval", "200ms")
	id := make(map[string]string)
	ask := func(c *rig.Container) string {
		t.Helper()
		got, err := launch.NewClient(filepath.Join(n.Data, launch.SocketName)).Add(t.Context(),
			launch.Request{ContainerID: c.ID})
		if err != nil {
			t.Fatal(err)
		}
		return net.JoinHostPort(got.StatsdHost, strconv.Itoa(int(got.StatsdPort)))
	}
	var containers []*rig.Container
	for range 2 {
		c := docker.Run(t, rig.Spec{Args: clients.Mounts()})
		c.LoopbackUp(t)
		containers = append(containers, c)
		id[c.ID] = ask(c)
	}
	for round := range 2 {
		prefix := fmt.Sprintf("r%d.", round)
		for _, c := range containers {
			want := 0.0
			rig.Eventually(t, 10*time.Second, func() error {
				c.Exec(t, clients.Raw(id[c.ID], prefix+"raw:1|c")...) // refused until the namespace is served
				m, err := n.app(c.ID, prefix+"raw")
				if err != nil {
					return err
				}
				if want = m.Datapoints[0].Value; want < 1 || m.Datapoints[0].Tags["container_id"] != c.ID {
					return fmt.Errorf("%+v", m.Datapoints)
				}
				return nil
			})
			if l, err := n.ledger(t, c.ID); err != nil || l.Rejected+l.Shed > 0 {
				t.Errorf("%+v, %v", l, err)
			}
		}
		if round == 0 {
			n.Kill()
			n.Restart(t)
			for _, c := range containers {
				if again := ask(c); again != id[c.ID] {
					t.Errorf("after kill -9 the port is %s, was %s", again, id[c.ID])
				}
			}
		}
	}
	b, err := n.Node.Get("/metrics")
	if err != nil || !strings.Contains(string(b), "\ndaytwo_collector_statsd_namespaces 2\n") {
		t.Errorf("two network namespaces are served, /metrics says otherwise (%v)", err)
	}
	if b, err = n.Relay.Get("/fleet/metrics"); err != nil || !strings.Contains(string(b), "daytwo_statsd_listener_up{") ||
		!strings.Contains(string(b), "daytwo_collector_statsd_steered{") {
		t.Errorf("the relay does not show how the server does (%v)", err)
	}
}

// The stream listener accepts clients that put the length before each packet.
func TestStream(t *testing.T) {
	t.Parallel()
	docker := rig.Docker(t)
	clients := rig.Statsd(t)
	dir := socketDir(t)
	path := filepath.Join(dir, "s")
	c := docker.Run(t, rig.Spec{Args: clients.Mounts(dir)})
	n := up(t, []string{"DOCKER_HOST=unix://" + docker.Socket}, "--statsd", "unix://"+path)
	waitNamed(t, n, c)
	c.Exec(t, clients.Datadog("unixstream://"+path, "-prefix", "stream.")...)
	rig.Eventually(t, 5*time.Second, func() error {
		m, err := n.app(c.ID, "")
		if err == nil {
			err = complete(m, "stream.", false)
		}
		return err
	})
}
