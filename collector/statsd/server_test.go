package statsd

import (
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
	benchrig "github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// rig is a server with addresses of its own.
type rig struct {
	*Server
	t      testing.TB
	udp    string
	unix   string
	stream string
	parent func(origin.Info) uint64
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, unix: filepath.Join(dir, "dgram"), stream: filepath.Join(dir, "stream"),
		parent: func(origin.Info) uint64 { return 0 }}
	if len(o.Listen) == 0 {
		for _, a := range []string{"127.0.0.1:0", "unixgram://" + r.unix, "unix://" + r.stream, "127.0.0.1:0?dialect=etsy"} {
			l, err := ParseListener(a)
			if err != nil {
				t.Fatal(err)
			}
			o.Listen = append(o.Listen, l)
		}
	}
	o.Socket = filepath.Join(dir, "api")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Ports = benchrig.Ports(t, 100)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	r.Server = s
	r.udp = r.address(0)
	return r
}

func (r *rig) address(listener int) string {
	return fmt.Sprintf("127.0.0.1:%d", r.in.Listeners()[listener].Port())
}

func (r *rig) send(network, address string, packets ...string) {
	r.t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	for _, p := range packets {
		if _, err := c.Write([]byte(p)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// await ticks until the given number of lines has been received.
func (r *rig) await(received int64) (app, ledger frame.Table) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		app, ledger = r.Tick(time.Now(), r.parent)
		if n := ledger.Row(0)[metric.StatsdReceived]; n == received {
			return app, ledger
		} else if n > received || time.Now().After(end) {
			r.t.Fatalf("%d lines received, want %d", n, received)
		}
	}
}

func value(t *testing.T, app frame.Table, key, typ string) float64 {
	t.Helper()
	for i, row := range app.Rows {
		if row.Key == key && row.Label("type") == typ {
			return metric.Columns(metric.App)[metric.AppValue].Value(app.Row(i)[metric.AppValue])
		}
	}
	t.Fatalf("no %s of type %s", key, typ)
	return 0
}

// Lines arrive through every kind of socket, in its dialect, and are accounted for.
func TestSockets(t *testing.T) {
	r := newRig(t, Options{NoBPF: true})
	r.send("udp", r.udp, "a:1|c|#x:y\nbad\n", "a:2|c|#x:y\ng:5|g\ng:+1|g")
	r.send("unixgram", r.unix, "b:1|c", "b:1|c\r\n\r\nb:1|c|@0.5")
	r.send("unix", r.stream, "s:1|c\ns:2", "|c\n", "last:1|c\n")
	r.send("udp", r.address(3), "e:1|c:2|c:3|ms\neg:5|g\neg:+1|g")
	app, ledger := r.await(5 + 3 + 3 + 3)
	for key, want := range map[string]float64{"a": 3, "b": 4, "s": 3, "last": 1, "e": 3} {
		if got := value(t, app, key, "c"); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if got := value(t, app, "g", "g"); got != 1 {
		t.Errorf("a DogStatsD gauge with a sign is %v", got)
	}
	if got := value(t, app, "eg", "g"); got != 6 {
		t.Errorf("an etsy gauge with a sign is %v", got)
	}
	v := ledger.Row(0)
	if v[metric.StatsdAccepted] != 13 || v[metric.StatsdRejectedSyntax] != 1 || v[metric.StatsdPackets] < 5 {
		t.Errorf("ledger: %v", v)
	}
}

// A container with a port of its own is identified by it, first with its launcher's
// labels and then by its row.
func TestLaunch(t *testing.T) {
	for _, noBPF := range []bool{true, false} {
		t.Run(fmt.Sprintf("noBPF=%v", noBPF), func(t *testing.T) {
			if !noBPF {
				benchrig.NeedRoot(t, "a BPF program")
			}
			r := newRig(t, Options{NoBPF: noBPF})
			got, err := launch.NewClient(r.o.Socket).Add(t.Context(),
				launch.Request{ContainerID: "c1", Labels: map[string]string{"task_name": "web"}})
			if err != nil {
				t.Fatal(err)
			}
			to := fmt.Sprintf("%s:%d", got.StatsdHost, got.StatsdPort)
			r.send("udp", to, "a:1|c\nnonsense")
			app, ledger := r.await(2)
			row := app.Rows[0]
			if row.Label("container_id") != "c1" || row.Label("task_name") != "web" || row.Label("type") != "c" {
				t.Errorf("labels: %v", row.Labels)
			}
			if k := ledger.Rows[1].Key; k != "c1" || ledger.Row(1)[metric.StatsdRejectedSyntax] != 1 {
				t.Errorf("ledger of %q: %v", k, ledger.Row(1))
			}
			r.parent = func(info origin.Info) uint64 {
				if info.ContainerID == "c1" {
					return 77
				}
				return 0
			}
			app, _ = r.await(2)
			if row := app.Rows[0]; row.Parent != 77 || len(row.Labels) != 1 {
				t.Errorf("row %+v", row)
			}
		})
	}
}

// The container named by a line is used if no better source knows the sender.
func TestFields(t *testing.T) {
	r := newRig(t, Options{NoBPF: true})
	r.table.Containers([]origin.Container{{ID: "abc", Cgroups: []string{"/daytwo-test-abc"}}})
	r.send("udp", r.udp, "a:1|c|c:ci-abc\na:1|c|c:in-123\na:1|c")
	app, _ := r.await(3)
	known := 0
	for i, row := range app.Rows {
		if row.Label("container_id") == "abc" {
			known++
			if v := app.Row(i)[metric.AppSamples]; v != 1 {
				t.Errorf("%d samples", v)
			}
		}
	}
	if known != 1 || len(app.Rows) != 2 {
		t.Errorf("%d rows of the container, %d in all", known, len(app.Rows))
	}
}

func TestTooLong(t *testing.T) {
	r := newRig(t, Options{NoBPF: true})
	r.send("udp", r.udp, "a:1|c\nb:"+strings.Repeat("1", line.DefaultMaxLine)+"|c\nc:1|c",
		"a:1|c|#"+strings.Repeat("x", 60000))
	app, ledger := r.await(4)
	if v := ledger.Row(0); v[metric.StatsdRejectedTooLong] != 2 || len(app.Rows) != 2 {
		t.Errorf("ledger: %v", v)
	}
}

func TestRestartOnSameAddresses(t *testing.T) {
	first := newRig(t, Options{NoBPF: true})
	taken := first.udp
	first.Server.Close()
	l, err := ParseListener(taken)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Options{NoBPF: true, Listen: []Listener{l}})
	r.send("udp", taken, "a:1|c")
	r.await(1)
	if _, err := New(Options{Listen: []Listener{{Network: "udp", Address: "203.0.113.1:8125"}}, NoBPF: true,
		Ports: launch.PortRange{First: 11000, Last: 11002}}); err == nil || !strings.Contains(err.Error(), "--statsd") {
		t.Errorf("an address that is not ours: %v", err)
	}
	if _, err := New(Options{RulesFile: "/does/not/exist"}); err == nil {
		t.Error("a rules file that is not there is no error")
	}
}

func TestParseListener(t *testing.T) {
	check := func(s string, want Listener) {
		t.Helper()
		if got, err := ParseListener(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	check("127.0.0.1:8125", Listener{Network: "udp", Address: "127.0.0.1:8125"})
	check("udp://[::1]:1?gauges=delta", Listener{Network: "udp", Address: "[::1]:1", Line: line.Options{GaugeDelta: true}})
	check("unix:///a/b?dialect=etsy", Listener{Network: "unix", Address: "/a/b",
		Line: line.Options{Dialect: line.Etsy, GaugeDelta: true}})
	check("unixgram:///a?dialect=etsy&gauges=absolute&tags=influx",
		Listener{Network: "unixgram", Address: "/a", Line: line.Options{Dialect: line.Etsy, NameTags: line.Influx}})
	for _, s := range []string{"", "localhost", "localhost:8125", "tcp://127.0.0.1:1", "unix://rel",
		"127.0.0.1:1?dialect=x", "127.0.0.1:1?tags=none", "127.0.0.1:99999"} {
		if l, err := ParseListener(s); err == nil {
			t.Errorf("%q: %+v", s, l)
		}
	}
}

func TestLabels(t *testing.T) {
	var got []string
	for _, l := range Labels("id", "web", map[string]string{"framework_name": "f", "env": "prod", "container_id": "other",
		"agent_id": "x", "empty": ""}) {
		got = append(got, l.Name+"="+l.Value)
	}
	if s := strings.Join(got, " "); s != "container_id=id framework_name=f label.env=prod name=web task_name=web" {
		t.Error(s)
	}
}

// If more arrives than can be received, every datagram is in the ledger, as lines or as
// a drop.
func TestFlood(t *testing.T) {
	r := newRig(t, Options{NoBPF: true})
	const senders, each = 4, 20_000
	done := make(chan error, senders)
	for range senders {
		go func() {
			c, err := net.Dial("udp", r.udp)
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			packet := []byte("flood.counter:1|c|#env:prod\nflood.counter:1|c|#env:prod\nnot a line")
			for range each {
				if _, err := c.Write(packet); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range senders {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		app, ledger := r.Tick(time.Now(), r.parent)
		v := ledger.Row(0)
		packets, drops := v[metric.StatsdPackets], v[metric.StatsdKernelDrops]
		if packets+drops != senders*each {
			if time.Now().After(end) {
				t.Fatalf("%d packets and %d drops of %d", packets, drops, senders*each)
			}
			continue
		}
		t.Logf("%d packets, %d lines shed, %d packets dropped by the kernel", packets, v[metric.StatsdShed], drops)
		if v[metric.StatsdReceived] != 3*packets ||
			v[metric.StatsdAccepted]+v[metric.StatsdRejectedSyntax]+v[metric.StatsdShed] != 3*packets ||
			v[metric.StatsdAccepted] != 2*v[metric.StatsdRejectedSyntax] {
			t.Errorf("ledger %v", v)
		}
		if got := value(t, app, "flood.counter", "c"); int64(got) != v[metric.StatsdAccepted] {
			t.Errorf("the counter is %v, %d lines were accepted", got, v[metric.StatsdAccepted])
		}
		return
	}
}
