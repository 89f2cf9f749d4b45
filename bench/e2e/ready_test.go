package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

const upText = "daytwo is up."

// firstReady asks /readyz again and again, from the start, until the answer is 200,
// and returns the last text that was not.
func firstReady(t *testing.T, d *rig.Daytwo, a rig.API) (last string) {
	t.Helper()
	for end := time.Now().Add(rig.Ready); time.Now().Before(end); {
		if !d.Running() {
			t.Fatalf("it ended:\n%s", d.Log())
		}
		said := d.Log()
		_, err := a.Get("/readyz")
		if err == nil {
			return last
		}
		if strings.Contains(said, upText) {
			t.Fatalf("it says that it is up before it is ready: %v", err)
		}
		var status *rig.StatusError
		if errors.As(err, &status) {
			last = status.Body
			if status.Status != http.StatusServiceUnavailable || !strings.Contains(last, `"not_ready":[{"part":"`) {
				t.Fatalf("%d %s", status.Status, last)
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("not ready after %v: %s", rig.Ready, last)
	return ""
}

// works uses everything that a node offers, once and at once.
func works(t *testing.T, d *rig.Daytwo) {
	t.Helper()
	socket := filepath.Join(d.Data, launch.SocketName)
	if out, err := exec.Command(rig.Binary(t), "run", "--socket", socket, "--", "true").CombinedOutput(); err != nil {
		t.Errorf("daytwo run: %v: %s", err, out)
	}
	c, err := net.Dial("udp", d.Statsd)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 { // the second write returns the refusal of the first, if there was one
		if _, err := c.Write([]byte("ready.test:1|c")); err != nil {
			t.Errorf("StatsD: %v", err)
		}
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if _, err := d.Node.Get(path); err != nil {
			t.Error(err)
		}
	}
}

// At the first 200 of /readyz all of it works, each of ten times, with BPF and without.
func TestReadyMeansThatAllWorks(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			var args []string
			if i%2 == 1 {
				args = []string{"--no-bpf"} // the other parts are ready in another order
			}
			readyMeansThatAllWorks(t, args...)
		})
	}
}

func readyMeansThatAllWorks(t *testing.T, args ...string) {
	d := rig.Start(t, rig.Options{Args: args})
	last := firstReady(t, d, d.Relay)
	works(t, d)
	if err := d.ReadToken(); err != nil {
		t.Error(err)
	}
	if _, err := d.Relay.Get("/api/v1/containers"); err != nil {
		t.Error(err)
	}
	if agent, err := newest(d.Relay); err != nil || agent.Stale || agent.Cgroups == 0 {
		t.Errorf("%+v, %v", agent, err)
	}
	rig.Eventually(t, 5*time.Second, func() error {
		body, err := d.Node.Get("/metrics")
		if err == nil && !strings.Contains(string(body), "ready_test") {
			err = errors.New("what was sent to StatsD is not there")
		}
		return err
	})
	rig.Eventually(t, 5*time.Second, func() error {
		if !strings.Contains(d.Log(), upText) {
			return fmt.Errorf("it does not say that it is up:\n%s", d.Log())
		}
		return nil
	})
	t.Logf("it waited for %s", strings.TrimSpace(last))
	d.Stop(t)
}

// A restart is ready when the ticks of the new run arrive, not those of the old.
func TestReadyAfterARestart(t *testing.T) {
	t.Parallel()
	d := rig.Up(t)
	before, err := newest(d.Relay)
	if err != nil {
		t.Fatal(err)
	}
	d.Kill()
	d = rig.Start(t, rig.Options{Data: d.Data})
	firstReady(t, d, d.Relay)
	works(t, d)
	if err := d.ReadToken(); err != nil {
		t.Fatal(err)
	}
	after, err := newest(d.Relay)
	if err != nil || after.Boot == before.Boot {
		t.Errorf("it is ready with the ticks of before: %+v, then %+v (%v)", before, after, err)
	}
	d.Stop(t)
}

// A collector alone says on its own address whether it is ready; NATS is not needed
// for that, since frames wait for it.
func TestCollectorAloneIsReady(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--nats", "none"}, {"--nats", "nats://" + rig.FreePort(t), "--no-bpf"}} {
		d := rig.Start(t, rig.Options{Program: "collector", Args: args})
		firstReady(t, d, d.Node)
		works(t, d)
		d.Stop(t)
	}
}

// A relay alone is ready while frames can come.
func TestRelayAloneIsReady(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	r := c.relay(t)
	_, err := r.Relay.Get("/readyz")
	if err == nil || !strings.Contains(err.Error(), `{"part":"frames"`) {
		t.Errorf("ready without NATS: %v", err)
	}
	c.startNATS(t)
	rig.Eventually(t, rig.Ready, func() error { _, err := r.Relay.Get("/readyz"); return err })
	c.stopNATS()
	rig.Eventually(t, rig.Ready, func() error {
		if _, err := r.Relay.Get("/readyz"); err == nil {
			return errors.New("ready without NATS")
		}
		return nil
	})
	r.Stop(t)
}
