package sinks

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
)

// Two relays: when the one that runs a sink is killed under load, or stops for a while, the
// other takes the sink over. Nothing is lost, the order of the node holds, and what comes
// twice has the same id.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s, g := newStream(t), redisServer(t)
	g.start()
	r := &receivers{stream: s, all: []*target{g}}
	config := "sinks:\n  - name: redis\n    retry: {min: 20ms, max: 200ms}\n" +
		indent(fmt.Sprintf(g.config, g.address), "    ")
	relays := []*rig.Daytwo{s.relay(t, config), s.relay(t, config)}
	runs := func(d *rig.Daytwo) bool { return state(t, d, "redis").State == "running" }
	// other waits until a relay that is not d runs the sink, and says how long that took.
	other := func(d *rig.Daytwo, within time.Duration) *rig.Daytwo {
		t.Helper()
		o := relays[0]
		if o == d {
			o = relays[1]
		}
		began := time.Now()
		rig.Eventually(t, within, func() error {
			if !runs(o) {
				return fmt.Errorf("%+v", state(t, o, "redis"))
			}
			return nil
		})
		t.Logf("taken over after %v", time.Since(began).Round(100*time.Millisecond))
		return o
	}
	var first *rig.Daytwo
	rig.Eventually(t, 20*time.Second, func() error {
		for _, d := range relays {
			if runs(d) {
				first = d
				return nil
			}
		}
		return fmt.Errorf("no relay runs the sink")
	})
	stop := r.load(t)
	time.Sleep(time.Second)
	first.Kill()
	second := other(first, 25*time.Second)
	first.Restart(t)
	until(t, first, "redis", 10*time.Second, func(s v1.Sink) bool { return s.State == "standby" && s.Relay != "" })
	stop()

	// It is stopped while nothing comes: its request at the consumer waits, and must take nothing
	// from the one that takes over.
	until(t, second, "redis", 20*time.Second, func(s v1.Sink) bool { return s.State == "running" && s.Pending == 0 })
	second.Signal(syscall.SIGSTOP)
	third := other(second, 25*time.Second)
	stop = r.load(t)
	time.Sleep(2 * time.Second)
	second.Signal(syscall.SIGCONT)
	until(t, second, "redis", 20*time.Second, func(s v1.Sink) bool { return s.State == "standby" })
	stop()
	r.send(testlog.Records(900_000, 3)...)
	until(t, third, "redis", 30*time.Second, func(s v1.Sink) bool { return s.State == "running" && s.Pending == 0 })
	r.arrived(t, g)
	for _, d := range relays {
		d.Stop(t)
	}
}
