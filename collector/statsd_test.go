package collector

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// labelText returns labels as "name=value" separated by spaces.
func labelText(ls []frame.Label) string {
	var out []string
	for _, l := range ls {
		out = append(out, l.Name+"="+l.Value)
	}
	return strings.Join(out, " ")
}

// A sample of a launched container is in the next tick, as are the counts of its
// received and rejected samples.
func TestStatsdTick(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	n, err := New(Config{DataDir: t.TempDir(), NoPublish: true, NoBPF: true, Socket: socket,
		Statsd: Statsd{Listen: []string{"127.0.0.1:0"}, Ports: rig.Ports(t, 100)}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	c, err := launch.NewClient(socket).Add(t.Context(), launch.Request{ContainerID: "daytwo-test-tick", Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", net.JoinHostPort(c.StatsdHost, strconv.Itoa(int(c.StatsdPort))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("hits:2|c|#a:b\nbad"))
	var b frame.Batch
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n.read(time.Now())
		n.fill(&b, time.Now())
		if v := b.Table(metric.Statsd).Row(0); v[metric.StatsdReceived] == 2 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("ledger %v", v)
		}
	}
	for i := 1; i < len(b.Tables); i++ {
		if b.Tables[i].Kind <= b.Tables[i-1].Kind {
			t.Errorf("%v stands behind %v", b.Tables[i].Kind, b.Tables[i-1].Kind)
		}
	}
	app := b.Table(metric.App)
	if len(app.Rows) != 1 ||
		labelText(app.Rows[0].Labels) != "container_id=daytwo-test-tick name=web tag.a=b task_name=web type=c" {
		t.Errorf("%d rows, the first %+v", len(app.Rows), app.Rows[0])
	}
}

// An event is in exactly one tick. Events that arrive after the last tick are in a tick
// that Close makes.
func TestEventsAreTold(t *testing.T) {
	n, err := New(Config{DataDir: t.TempDir(), NoPublish: true, NoBPF: true,
		Statsd: Statsd{Listen: []string{"unixgram://" + filepath.Join(t.TempDir(), "s")}},
		Log:    slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			n.Close(context.Background())
		}
	}()
	conn, err := net.Dial("unixgram", strings.TrimPrefix(n.cfg.Statsd.Listen[0], "unixgram://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n.tick(time.Now())
	told := map[uint64]string{} // titles of events, by the sequence number of their tick
	look := func() {
		t.Helper()
		err := n.local.View(n.cfg.AgentID, func(b *frame.Batch) {
			e := b.Table(metric.Event)
			if e == nil {
				return
			}
			for i, r := range e.Rows {
				cgroup := false
				for _, c := range b.Table(metric.Container).Rows {
					cgroup = cgroup || c.ID == r.Parent
				}
				if !cgroup || time.Since(time.Unix(0, e.Row(i)[metric.EventTime])).Abs() > time.Minute {
					t.Errorf("%+v at %d", r, e.Row(i))
				}
				told[b.Seq] += r.Key
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	conn.Write([]byte("_e{3,0}:one|\n_e{3,0}:two|"))
	for end := time.Now().Add(time.Minute); len(told) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is told")
		}
		n.tick(time.Now())
		look()
	}
	n.tick(time.Now())
	look()
	conn.Write([]byte("_e{4,0}:last|"))
	for end := time.Now().Add(10 * time.Second); !n.tasks.server.Waiting(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
	closed = true
	if err := n.Close(context.Background()); err != nil {
		t.Error(err)
	}
	look()
	var all []string
	for _, s := range told {
		all = append(all, s)
	}
	slices.Sort(all)
	if got := strings.Join(all, " "); got != "last onetwo" {
		t.Errorf("told %q", got)
	}
}

// Without a StatsD server, launchers get launch.ErrNoStatsd, so that their tasks run
// without an endpoint.
func TestNoStatsd(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	n, err := New(Config{DataDir: t.TempDir(), NoPublish: true, NoBPF: true, Socket: socket,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	if _, err := launch.NewClient(socket).Add(t.Context(), launch.Request{ContainerID: "x"}); err != launch.ErrNoStatsd {
		t.Errorf("%v", err)
	}
}

// A container's row has the labels of both its runtime and its launcher; the runtime's
// take precedence. A sender is matched to that row by its container id or its cgroup.
func TestLaunchedIdentity(t *testing.T) {
	docker := &containers.Identity{ContainerID: "d1", Name: "box", Runtime: "docker", Labels: []frame.Label{
		{Name: "container_id", Value: "d1"}, {Name: "name", Value: "box"}, {Name: "runtime", Value: "docker"},
	}}
	k := &tasks{
		names: func(path string) *containers.Identity {
			return map[string]*containers.Identity{"/docker/d1": docker}[path]
		},
		forget: func(string) {},
		byID: map[string]*launch.Container{
			"d1": {ContainerID: "d1", Name: "launched", Labels: map[string]string{"framework_name": "f"}},
		},
		byCgroup: map[string]*launch.Container{"/daytwo/x": {ContainerID: "x", Name: "web", Cgroup: "/daytwo/x"}},
	}
	check := func(path, want string) {
		t.Helper()
		id := k.resolve(path)
		if id == nil || labelText(id.Labels) != want {
			t.Errorf("%s: %+v", path, id)
		}
		if k.resolve(path) != id {
			t.Errorf("%s: not the same twice", path)
		}
	}
	check("/docker/d1", "container_id=d1 framework_name=f name=box runtime=docker task_name=launched")
	check("/daytwo/x", "container_id=x name=web runtime=daytwo task_name=web")
	if id := k.resolve("/other"); id != nil {
		t.Errorf("%+v", id)
	}
	k.at, k.rows = map[string]int32{"d1": 0}, []uint64{7}
	k.groups = &groupRows{byPath: map[string]uint64{"/docker/d1": 7, "/sys": 9}}
	for info, want := range map[[2]string]uint64{
		{"d1", "/elsewhere"}: 7, {"", "/sys"}: 9, {"", ""}: 0, {"unknown", "/sys"}: 9,
	} {
		if got := k.parent(origin.Info{ContainerID: info[0], Cgroup: info[1]}); got != want {
			t.Errorf("%v: row %d, want %d", info, got, want)
		}
	}
}

// Without StatsD, the collector ends with an error if the launch API cannot be served any
// longer.
func TestLaunchServerEnds(t *testing.T) {
	n, err := New(Config{DataDir: t.TempDir(), NoPublish: true, NoBPF: true,
		Socket: filepath.Join(t.TempDir(), "s"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(t.Context()) }()
	if err := n.launch.listener.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "launch API") {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on without its launch API")
	}
}
