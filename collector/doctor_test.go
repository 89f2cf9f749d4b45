package collector

import (
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/health"
)

func TestDoctorLooksAtEverything(t *testing.T) {
	defer func(limit time.Duration) { checkTimeout = limit }(checkTimeout)
	checkTimeout = 5 * time.Minute
	data := t.TempDir()
	checks := Doctor(t.Context(), Config{DataDir: data, NoPublish: true})
	state := map[string]health.State{}
	for _, c := range checks {
		state[c.Name] = c.State
		if c.State == health.Fail && c.Fix == "" {
			t.Errorf("%s fails and nothing is said of what to do: %s", c.Name, c.Detail)
		}
	}
	for _, name := range []string{
		"agent id", "rights", "kernel", "cgroups", "reading cpu", "reading memory.stat", "open files",
		"data directory", "runtime docker", "statsd", "launch socket", "spool", "nats",
	} {
		if state[name] == "" {
			t.Errorf("no check of %s", name)
		}
	}
	if left, _ := os.ReadDir(data); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// noMachineID makes the collector find no machine id until the test ends.
func noMachineID(t *testing.T) {
	old := machineIDs
	t.Cleanup(func() { machineIDs = old })
	machineIDs = nil
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	f := func(c health.Check, want health.State, detail string) {
		t.Helper()
		if c.State != want || !strings.Contains(c.Detail, detail) || c.Fix == "" {
			t.Errorf("%+v, want %s with %q and a fix", c, want, detail)
		}
	}
	f(checkData("/proc/daytwo"), health.Fail, "/proc")
	id := func(cfg Config) health.Check { return cfg.checkID() }
	noMachineID(t)
	first := func(cfg Config) health.Check { return Doctor(t.Context(), cfg)[0] }
	f(first(Config{AgentID: "a b", DataDir: t.TempDir(), NoPublish: true}), health.Fail, "a b")
	f(first(Config{AgentID: "a", Interval: 1, DataDir: t.TempDir(), NoPublish: true}), health.Fail, "interval")
	bad := t.TempDir()
	if err := os.WriteFile(agentIDFile(bad), []byte("a b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f(id(Config{DataDir: bad}), health.Fail, agentIDFile(bad))
}

// Without a machine id, the doctor finds the stored agent id, and creates none.
func TestDoctorMakesNoAgentID(t *testing.T) {
	noMachineID(t)
	dir := t.TempDir()
	cfg := Config{DataDir: dir}
	if c := cfg.checkID(); c.State != health.OK || !strings.Contains(c.Detail, "none yet") {
		t.Errorf("%+v", c)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	id, err := AgentID(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg = Config{DataDir: dir}
	if c := cfg.checkID(); c.State != health.OK || c.Detail != id {
		t.Errorf("%+v, want %s", c, id)
	}
}

func TestUnreachableNATSIsAWarning(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	cfg := Config{DataDir: t.TempDir(), AgentID: "a", Log: slog.New(slog.DiscardHandler),
		NATS: bus.ConnectOptions{URLs: "nats://" + l.Addr().String()}}
	checks := checkPublish(t.Context(), cfg)
	last := checks[len(checks)-1]
	if last.Name != "nats" || last.State != health.Warn || last.Fix == "" {
		t.Errorf("%+v", checks)
	}
}

// The doctor finds NATS and its stream, and publishes nothing.
func TestDoctorOnNATS(t *testing.T) {
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	cfg := Config{DataDir: t.TempDir(), AgentID: "a", Log: slog.New(slog.DiscardHandler),
		NATS: bus.ConnectOptions{InProcess: srv}}
	if err := cfg.defaults(); err != nil {
		t.Fatal(err)
	}
	check := func(state health.State, detail string) {
		t.Helper()
		checks := checkPublish(t.Context(), cfg)
		last := checks[len(checks)-1]
		if len(checks) != 3 || checks[1].State != health.OK || last.Name != "nats stream" || last.State != state ||
			!strings.Contains(last.Detail, detail) {
			t.Errorf("%+v, want %s with %q", checks, state, detail)
		}
	}
	check(health.Warn, "is not there yet")
	conn, err := bus.Connect(cfg.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := bus.EnsureStream(t.Context(), js, bus.Config{Cluster: cfg.Cluster, Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	check(health.OK, "is there")
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

// A node's credential may publish frames and nothing else.
func TestDoctorWithANodesCredential(t *testing.T) {
	user := &server.User{Username: "node", Password: "node", Permissions: embedded.NodePermissions("default", "a")}
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0",
		Users: []*server.User{user}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	cfg := Config{DataDir: t.TempDir(), Cluster: "default", AgentID: "a", Log: slog.New(slog.DiscardHandler),
		NATS: bus.ConnectOptions{URLs: srv.URL(), User: "node", Password: "node"}}
	checks := checkPublish(t.Context(), cfg)
	if last := checks[len(checks)-1]; last.State != health.OK || !strings.Contains(last.Detail, "may not ask the server") {
		t.Errorf("%+v", checks)
	}
}
