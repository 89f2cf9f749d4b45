package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/bench/rig"
)

// What journald gets while the programs are killed one after the other, NATS is away, and
// journald rotates and restarts, reaches the client once each, in order.
func TestLogsSurviveKills(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		journald := rig.StartJournald(t, "")
		journald.Kill()
		journald.HoldSocket() // lines wait there while it restarts
		journald.Restart()
		c := newCluster(t)
		c.startNATS(t)
		collector, relay := c.collector(t), c.relay(t)
		past(t, relay.Relay, 2, rig.Ready)

		ctx, cancel := context.WithCancel(t.Context())
		var writer sync.WaitGroup
		var written atomic.Int64
		writer.Go(func() {
			for ctx.Err() == nil {
				send(t, strconv.FormatInt(written.Load(), 10))
				written.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		})
		stop := sync.OnceFunc(func() { cancel(); writer.Wait() })
		defer stop()

		lines := make(chan string, 100)
		reading, end := context.WithCancel(t.Context())
		events := map[string]int{}
		var reader sync.WaitGroup
		reader.Go(func() {
			defer close(lines)
			q := url.Values{"follow": {"1"}, "since": {"-1h"}, "match": {"SYSLOG_IDENTIFIER=fleet"}}
			for e, err := range clientOf(relay.Relay).Logs(reading, q) {
				switch {
				case err != nil:
					if reading.Err() == nil {
						t.Error(err)
					}
					return
				case e.Event != "":
					events[e.Event]++
					t.Logf("%s: %s", e.Event, e.Message)
				default:
					lines <- e.Fields["MESSAGE"].(string)
				}
			}
		})
		defer func() { end(); reader.Wait() }()
		next := int64(0)
		read := func(until func() bool) {
			t.Helper()
			for !until() {
				select {
				case l, ok := <-lines:
					if !ok || l != strconv.FormatInt(next, 10) {
						t.Fatalf("line %q, want %d; %v", l, next, events)
					}
					next++
				case <-time.After(60 * time.Second):
					t.Fatalf("nothing comes after line %d; %v", next, events)
				}
			}
		}
		more := func(n int64) { // what is written from now on
			t.Helper()
			to := written.Load() + n
			read(func() bool { return next >= to })
		}
		more(200)
		t.Log("kill the collector")
		collector.Kill()
		time.Sleep(100 * time.Millisecond) // the collector is away
		collector.Restart(t)
		more(200)
		t.Log("kill the relay")
		relay.Kill()
		relay.Restart(t)
		more(200)
		t.Log("stop NATS")
		c.stopNATS()
		time.Sleep(100 * time.Millisecond) // NATS is away
		c.startNATS(t)
		more(200)
		t.Log("rotate the journal, and restart journald")
		for range 3 {
			journald.Signal(syscall.SIGUSR2)
			more(20)
		}
		journald.Signal(syscall.SIGTERM)
		if err := journald.Wait(t, 20*time.Second); err != nil {
			t.Errorf("journald: %v", err)
		}
		journald.Restart()
		more(200)
		stop()
		read(func() bool { return next == written.Load() })
		end()
		reader.Wait()
		if events["node_away"] < 2 || events["node_back"] < 2 || events[client.Reconnecting] == 0 {
			t.Errorf("events: %v", events)
		}
		t.Log(fmt.Sprint(next, " lines, events ", events))
	})
}
