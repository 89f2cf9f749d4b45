package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// smallDisk is a small disk of its own, and what fills it.
type smallDisk struct{ dir, ballast string }

func newSmallDisk(t *testing.T, dir, size string) *smallDisk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rig.SmallDisk(t, dir, size)
	return &smallDisk{dir, filepath.Join(dir, "ballast")}
}

// fill leaves no byte free.
func (d *smallDisk) fill(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func (d *smallDisk) empty(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		t.Fatal(err)
	}
}

// The disks of NATS, of the collector and of journald are full one after the other: nobody
// crashes, each says what to do, and when there is room again, all that journald has is
// followed and shipped, once and in order.
func TestLogsOnFullDisks(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		c := newCluster(t)
		ofNATS := newSmallDisk(t, filepath.Join(c.dir, "nats"), "64M")
		ofCollector := newSmallDisk(t, filepath.Join(c.dir, "collector"), "8M")
		journald := rig.StartJournald(t, "SystemMaxFileSize=4M\n")
		journald.Kill()
		ofJournal := newSmallDisk(t, "/var/log/journal", "24M")
		journald.HoldSocket()
		journald.Restart()
		nats := rig.StartNATS(t, ofNATS.dir, c.nats)
		file, sinks := filepath.Join(c.dir, "shipped.json"), filepath.Join(c.dir, "sinks.yaml")
		config := fmt.Sprintf("sinks:\n  - name: file\n    file: {path: %s}\n    filter: {identifier: [fleet]}\n", file)
		if err := os.WriteFile(sinks, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		sizes := []string{"--nats", "nats://" + c.nats, "--logs-size", "16MiB"}
		// The relay first: of streams that two programs create at the same time NATS accepts more than it has room for.
		relay := rig.StartReady(t, rig.Options{Program: "relay", Args: append(slices.Clone(sizes), "--sinks", sinks)})
		collector := rig.Start(t, rig.Options{Program: "collector", Data: ofCollector.dir,
			Args: append(slices.Clone(sizes), "--interval", "500ms", "--no-bpf", "--ship-logs")})
		past(t, relay.Relay, 2, rig.Ready)
		h := &logHosts{T: t, journald: journald, collector: collector, relay: relay}
		follow := h.follow(t, "log", "-f", "--all", "-o", "cat", "SYSLOG_IDENTIFIER=fleet")
		var mu sync.Mutex
		var got []string
		var reading, writing sync.WaitGroup
		reading.Go(func() {
			for line := range follow.lines {
				mu.Lock()
				got = append(got, strings.TrimSuffix(line, "\n"))
				mu.Unlock()
			}
		})
		defer reading.Wait()
		defer follow.stop()
		var sent atomic.Int64
		end := make(chan struct{})
		writing.Go(func() {
			for {
				select {
				case <-end:
					return
				case <-time.After(5 * time.Millisecond):
					send(t, fmt.Sprint(sent.Add(1), " ", strings.Repeat("x", 500)))
				}
			}
		})
		stop := sync.OnceFunc(func() { close(end); writing.Wait() })
		defer stop()
		newest := func() error { // a line of now comes
			want := sent.Load()
			mu.Lock()
			defer mu.Unlock()
			n := int64(0)
			if len(got) > 0 {
				fmt.Sscan(got[len(got)-1], &n)
			}
			if n < want {
				return fmt.Errorf("line %d, want %d", n, want)
			}
			return nil
		}
		stored := func() float64 { v, _ := metricOf(collector.Node, "daytwo_logs_stored_total"); return v }
		says := func(d *rig.Daytwo, text string) {
			t.Helper()
			rig.Eventually(t, 30*time.Second, func() error {
				if !strings.Contains(d.Log(), text) {
					return fmt.Errorf("the log of the %s has no %q", d.Options.Program, text)
				}
				return nil
			})
		}
		shipsAgain := func() {
			t.Helper()
			before := stored()
			rig.Eventually(t, 60*time.Second, func() error {
				if now := stored(); now < before+100 {
					return fmt.Errorf("%v entries are stored since", now-before)
				}
				return nil
			})
		}
		rig.Eventually(t, 20*time.Second, newest)
		shipsAgain()

		t.Log("the disk of NATS is full")
		ofNATS.fill(t)
		says(collector, "free space there, and start it again")
		rig.Eventually(t, 20*time.Second, newest)
		ofNATS.empty(t)
		nats.Signal(syscall.SIGTERM) // a server that has met a full disk takes nothing until it is started again
		if err := nats.Wait(t, 20*time.Second); err != nil {
			t.Log(err)
		}
		nats.Restart()
		shipsAgain()

		t.Log("the disk of the collector is full")
		ofCollector.fill(t)
		says(collector, "the position of log shipping cannot be saved")
		rig.Eventually(t, 20*time.Second, newest)
		collector.Kill()
		collector.Restart(t) // it goes on from an older position
		rig.Eventually(t, 20*time.Second, newest)
		ofCollector.empty(t)
		shipsAgain()
		rig.Eventually(t, 20*time.Second, func() error {
			if v, err := metricOf(collector.Node, "daytwo_logs_position_age_seconds"); err != nil || v > 5 {
				return fmt.Errorf("the position is %v s old, %v", v, err)
			}
			return nil
		})

		t.Log("the disk of journald is full")
		ofJournal.fill(t)
		time.Sleep(3 * time.Second)
		ofJournal.empty(t)
		rig.Eventually(t, 30*time.Second, newest)
		stop()
		journald.Sync()
		var want []string
		for _, e := range journald.Entries("SYSLOG_IDENTIFIER=fleet") {
			want = append(want, fmt.Sprint(e["MESSAGE"]))
		}
		mu.Lock()
		t.Logf("%d lines sent, %d written by journald, %d followed, %v stored by NATS",
			sent.Load(), len(want), len(got), stored())
		if !slices.Equal(got, want) {
			t.Errorf("%d lines were followed, and journald has written %d", len(got), len(want))
		}
		mu.Unlock()
		rig.Eventually(t, 60*time.Second, func() error { return shippedAll(file, want) })
		for _, d := range []*rig.Daytwo{collector, relay} {
			d.Stop(t)
		}
	})
}

// shippedAll returns an error unless a sink's file has these messages in order; one that
// came before may come again under its id.
func shippedAll(file string, want []string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	next, ids := 0, map[string]bool{}
	for line := range strings.Lines(string(b)) {
		var r struct{ ID, Message, Event string }
		switch err := json.Unmarshal([]byte(line), &r); {
		case err != nil:
			return fmt.Errorf("%w in %q", err, line)
		case r.Event != "" || ids[r.ID]:
		case next == len(want) || r.Message != want[next]:
			return fmt.Errorf("%.40q was shipped after %d lines", r.Message, next)
		default:
			next, ids[r.ID] = next+1, true
		}
	}
	if next < len(want) {
		return fmt.Errorf("%d lines of %d were shipped", next, len(want))
	}
	return nil
}
