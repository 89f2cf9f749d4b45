package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/journal/logs"
	"github.com/daytwo/daytwo/collector/shipping"
)

var silent = slog.New(slog.DiscardHandler)

// shipRig ships the journal of a journald of the test's own to a NATS server.
type shipRig struct {
	t    *testing.T
	d    *rig.Journald
	srv  *embedded.Server
	js   jetstream.JetStream
	o    shipping.Options
	s    *shipping.Shipper
	stop func()
}

func newShipRig(t *testing.T, journald string) *shipRig {
	t.Helper()
	r := &shipRig{t: t, d: rig.StartJournald(t, journald)}
	var err error
	if r.srv, err = embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: silent}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.srv.Close)
	conn, err := bus.Connect(bus.ConnectOptions{InProcess: r.srv, Log: silent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if r.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	r.o = shipping.Options{Conn: conn, Agent: "a", Stream: bus.Config{Cluster: "c", MaxBytes: 64 << 20}, Dir: t.TempDir(),
		Flush: 40 * time.Millisecond, Since: time.Hour, Log: silent}
	return r
}

// start starts a shipper, with a reader of its own, as a collector that starts does.
func (r *shipRig) start() {
	r.t.Helper()
	node := logs.New(logs.Options{Agent: "a", Log: silent})
	r.o.Logs = node
	s, err := shipping.New(r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(done)
	}()
	r.s = s
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		patience, end := context.WithTimeout(context.Background(), 10*time.Second)
		defer end()
		if err := s.Close(patience); err != nil {
			r.t.Error(err)
		}
		node.Close()
	})
	r.t.Cleanup(r.stop)
}

// write sends numbered lines, and waits whenever journald does not take more.
func (r *shipRig) write(writer string, from, to int) {
	c, err := net.Dial("unixgram", rig.JournaldSocket)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer c.Close()
	for i := from; i < to; i++ {
		if _, err := fmt.Fprintf(c, "WRITER=%s\nNUMBER=%d\nPRIORITY=6\nMESSAGE=line %d of %s\n", writer, i, i,
			writer); err != nil {
			r.t.Error(err)
			return
		}
	}
}

// shipped returns the numbers that were shipped, by writer, and the events.
func (r *shipRig) shipped() (lines map[string][]int, events []entry.Event) {
	r.t.Helper()
	lines = map[string][]int{}
	stream, err := r.js.Stream(r.t.Context(), bus.LogsStream("c"))
	if err != nil {
		r.t.Fatal(err)
	}
	var d entry.Decoder
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(r.t.Context(), seq)
		if err != nil {
			r.t.Fatal(err)
		}
		if _, complete, err := d.Decode(m.Data); err != nil || !complete {
			r.t.Fatal(complete, err)
		}
		for {
			rec, ok, err := d.Next()
			if err != nil {
				r.t.Fatal(err)
			}
			if !ok {
				break
			}
			if rec.Event != nil {
				events = append(events, *rec.Event)
			} else if writer, ok := rec.Entry.Get("WRITER"); ok {
				text, _ := rec.Entry.Get("NUMBER")
				n, err := strconv.Atoi(string(text))
				if err != nil || rec.Entry.Origin.Tag("agent_id") != "a" {
					r.t.Fatalf("%v, %v", err, rec.Entry.Origin)
				}
				lines[string(writer)] = append(lines[string(writer)], n)
			}
		}
	}
	return lines, events
}

// wait waits until so many entries were read, and all are stored.
func (r *shipRig) wait(what string, is func(shipping.Stats) bool) {
	r.t.Helper()
	rig.Eventually(r.t, time.Minute, func() error {
		if st := r.s.Stats(); !is(st) || st.InFlight > 0 || st.Lag > 0 {
			return fmt.Errorf("%s: %+v", what, st)
		}
		return nil
	})
}

// wantNumbers checks that each writer's numbers came once and in order.
func wantNumbers(t *testing.T, lines map[string][]int, writer string, from, to int) {
	t.Helper()
	got := lines[writer]
	if len(got) != to-from {
		t.Errorf("%s: %d lines, want %d", writer, len(got), to-from)
	}
	for i, n := range got {
		if n != from+i {
			t.Fatalf("%s: %d comes where %d should", writer, n, from+i)
		}
	}
}

// While journald rotates its files each second, and the shipper is stopped and started
// again, each line is shipped once and in order (CASES L-A6).
func TestShipThroughRotation(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		r := newShipRig(t, "SystemMaxFileSize=1M\nSystemMaxFiles=10000\n")
		writers := []string{"ann", "bob", "eve"}
		var wrote [3]int
		var writing sync.WaitGroup
		var enough atomic.Bool
		for i, name := range writers {
			writing.Go(func() {
				for ; !enough.Load(); wrote[i] += 100 {
					r.write(name, wrote[i], wrote[i]+100)
				}
			})
		}
		r.start()
		for range 5 {
			before := r.s.Stats().Stored
			r.d.Signal(syscall.SIGUSR2) // rotate
			rig.Eventually(t, time.Minute, func() error {
				if st := r.s.Stats(); st.Stored < before+1000 {
					return fmt.Errorf("%+v", st)
				}
				return nil
			})
			r.stop()
			r.start()
		}
		enough.Store(true)
		writing.Wait()
		r.d.Sync()
		n := wrote[0] + wrote[1] + wrote[2]
		rig.Eventually(t, time.Minute, func() error {
			lines, _ := r.shipped()
			if have := len(lines["ann"]) + len(lines["bob"]) + len(lines["eve"]); have < n {
				return fmt.Errorf("%d lines of %d", have, n)
			}
			return nil
		})
		lines, events := r.shipped()
		for i, name := range writers {
			wantNumbers(t, lines, name, 0, wrote[i])
		}
		t.Logf("%d lines in %d files", n, len(journalFiles(t)))
		if len(events) > 0 {
			t.Errorf("%+v", events)
		}
	})
}

// What journald removes before it is shipped is an event that says how much it was.
func TestShipAfterVacuum(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		r := newShipRig(t, "")
		journalctl := func(args ...string) {
			t.Helper()
			if out, err := exec.Command("journalctl", args...).CombinedOutput(); err != nil {
				t.Fatalf("journalctl %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		rotate := func() {
			t.Helper()
			r.d.Sync()
			files := len(journalFiles(t))
			r.d.Signal(syscall.SIGUSR2)
			rig.Eventually(t, 20*time.Second, func() error {
				if len(journalFiles(t)) == files {
					return fmt.Errorf("%d files", files)
				}
				return nil
			})
		}
		r.start()
		r.write("ann", 0, 1000)
		r.d.Sync()
		r.wait("the first lines", func(st shipping.Stats) bool { return st.Stored >= 1000 })
		r.stop()
		r.write("ann", 1000, 1500) // these are lost
		rotate()
		r.write("ann", 1500, 2000)
		rotate()
		journalctl("--vacuum-files=2")
		r.start()
		rig.Eventually(t, time.Minute, func() error {
			lines, events := r.shipped()
			if len(events) == 0 || len(lines["ann"]) < 1500 {
				return fmt.Errorf("%d lines, %d events", len(lines["ann"]), len(events))
			}
			return nil
		})
		lines, events := r.shipped()
		wantNumbers(t, map[string][]int{"ann": lines["ann"][:1000]}, "ann", 0, 1000)
		wantNumbers(t, map[string][]int{"ann": lines["ann"][1000:]}, "ann", 1500, 2000)
		if e := events[0]; len(events) != 1 || e.Kind != entry.Vacuumed || e.Count < 500 || e.Count > 510 || e.Agent != "a" {
			t.Errorf("%+v", events)
		}
	})
}

// A collector that ships logs has them in the stream, and metrics about it on its page.
func TestCollectorShips(t *testing.T) {
	t.Parallel()
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		r := newShipRig(t, "")
		rules := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(rules, []byte("filter: [drop: {match: {WRITER: bob}}]"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := Config{AgentID: "a", Cluster: "c", DataDir: t.TempDir(), Interval: 100 * time.Millisecond, NoBPF: true,
			NATS:     bus.ConnectOptions{InProcess: r.srv, Log: silent},
			Shipping: Shipping{On: true, RulesFile: rules, Since: time.Hour}, Log: silent}
		n, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.Serve(ctx) }()
		r.write("ann", 0, 300)
		r.write("bob", 0, 200)
		rig.Eventually(t, time.Minute, func() error {
			var wrong error
			err := n.Fleet().View("a", func(b *frame.Batch) { wrong = wantShipped(b) })
			return errors.Join(err, wrong)
		})
		r.changeRules(n, rules)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		lines, events := r.shipped()
		wantNumbers(t, lines, "ann", 0, 300)
		wantNumbers(t, lines, "bob", 300, 400)
		if delete(lines, "cid"); len(lines) != 2 || len(events) > 0 {
			t.Errorf("%d writers, %+v", len(lines), events)
		}
		cfg.Shipping.RulesFile += "x"
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "ship-rules") {
			t.Errorf("rules that do not exist: %v", err)
		}
		cfg.Shipping.RulesFile, cfg.NoPublish = "", true
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "--nats") {
			t.Errorf("no NATS: %v", err)
		}
	})
}

// changeRules changes the file of rules of a collector, under which bob's lines are left out:
// what is invalid, empty or gone is refused, and the next one applies within seconds.
func (r *shipRig) changeRules(n *Node, path string) {
	value := func(column int) (v int64) {
		_ = n.Fleet().View("a", func(b *frame.Batch) {
			for _, table := range b.Tables {
				if table.Kind == metric.Shipping {
					v = table.Vals[column]
				}
			}
		})
		return v
	}
	until := func(what string, ok func() bool) {
		r.t.Helper()
		rig.Eventually(r.t, 20*time.Second, func() error {
			if !ok() {
				return errors.New(what)
			}
			return nil
		})
	}
	for i, bad := range []string{"filter: [drop: {units: x}]", "", "gone"} {
		err := os.WriteFile(path, []byte(bad), 0o600)
		if bad == "gone" {
			err = os.Remove(path)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		until("it is taken", func() bool { return value(metric.ShipRulesRefused) == 1 })
		r.write("bob", 200+i, 201+i)
		until("the rules before do not apply", func() bool { return value(metric.ShipFiltered) == int64(201+i) })
		if err := os.WriteFile(path, []byte("filter: [drop: {match: {WRITER: bob}}]"), 0o600); err != nil {
			r.t.Fatal(err)
		}
		until("it is refused", func() bool { return value(metric.ShipRulesRefused) == 0 })
	}
	if err := os.WriteFile(path, []byte("filter: [drop: {match: {WRITER: [cid, ann]}}]"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	begun, filtered := time.Now(), value(metric.ShipFiltered)
	until("it does not apply", func() bool {
		r.write("cid", 0, 1)
		time.Sleep(200 * time.Millisecond)
		return value(metric.ShipFiltered) > filtered
	})
	r.t.Logf("changed rules apply after %v", time.Since(begun))
	stored := value(metric.ShipStored)
	r.write("ann", 300, 400)
	r.write("bob", 300, 400)
	until("they are not shipped", func() bool {
		return value(metric.ShipStored) >= stored+100 &&
			value(metric.ShipLag) == 0
	})
}

// wantShipped returns an error unless the row about shipping says that all is done.
func wantShipped(b *frame.Batch) error {
	for _, table := range b.Tables {
		if table.Kind != metric.Shipping {
			continue
		}
		v := table.Vals
		if v[metric.ShipFiltered] == 200 && v[metric.ShipStored] >= 300 && v[metric.ShipRunning] == 1 &&
			v[metric.ShipLag] == 0 && v[metric.ShipBytes] > 0 {
			return nil
		}
		return fmt.Errorf("%v", v)
	}
	return errors.New("no table about shipping")
}

func journalFiles(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("find", "/var/log/journal", "-name", "*.journal").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
