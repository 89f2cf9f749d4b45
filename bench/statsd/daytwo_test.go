package statsd

import (
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// node is a running "daytwo up" and its agent.
type node struct {
	*rig.Daytwo
	agent string // its id
}

// up starts daytwo until the test ends, with more in its environment, and waits
// until it is ready.
func up(t *testing.T, env []string, args ...string) *node {
	t.Helper()
	n := &node{Daytwo: rig.StartReady(t, rig.Options{Env: env, Args: args})}
	var answer struct{ Agents []v1.Agent }
	n.Relay.MustInto(t, "/api/v1/agents", &answer)
	n.agent = answer.Agents[0].AgentID
	return n
}

// app returns the application metrics of a container by the DC/OS API: all, or one.
func (n *node) app(id, metric string) (*v1.Metrics, error) {
	path := "/system/v1/agent/" + n.agent + "/metrics/v0/containers/" + id + "/app"
	if metric != "" {
		path += "/" + url.PathEscape(metric)
	}
	m := new(v1.Metrics)
	return m, n.Relay.Into(path, m)
}

// ledger returns the ledger of all senders together, or of one container. It fails the
// test if a ledger does not balance.
func (n *node) ledger(t *testing.T, container string) (*v1.Ledger, error) {
	t.Helper()
	var s v1.StatsD
	path := "/api/v1/statsd"
	if container != "" {
		path += "?container=" + container
	}
	if err := n.Relay.Into(path, &s); err != nil {
		return nil, err
	}
	for i := range s.Ledgers {
		l := &s.Ledgers[i]
		if !l.Balances() {
			t.Fatalf("the ledger does not balance: %+v", l)
		}
		if container == "" && l.All || container != "" && l.ContainerID == container {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no ledger of %q among %d", container, len(s.Ledgers))
}

// account waits until a ledger has received a number of lines, and returns it.
func (n *node) account(t *testing.T, container string, received int64) *v1.Ledger {
	t.Helper()
	var l *v1.Ledger
	rig.Eventually(t, 10*time.Second, func() (err error) {
		if l, err = n.ledger(t, container); err == nil && l.Received != received {
			err = fmt.Errorf("received %d, sent %d: %+v", l.Received, received, l)
		}
		return err
	})
	return l
}

// socketDir returns a directory for a unix socket, to be mounted into containers.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
