package cli

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/history"
)

const testToken = "a-token-for-the-tests"

// serve starts a relay's routes over one node's ticks and points the command
// line at them.
func serve(t *testing.T) *history.History {
	t.Helper()
	h := history.New(t)
	h.Put(tick(1))
	h.Put(tick(2))
	serveRoutes(t, server.Options{Fleet: h.Fleet, History: h.Store, Cluster: "c", Version: "v1"})
	return h
}

// serveRoutes starts a relay's routes and points the command line at them.
func serveRoutes(t *testing.T, o server.Options) {
	t.Helper()
	guard, err := auth.NewGuard(testToken)
	if err != nil {
		t.Fatal(err)
	}
	o.Guard = guard
	h, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	t.Setenv("DAYTWO_URL", s.URL)
	t.Setenv("DAYTWO_TOKEN", testToken)
}

func newTable(k metric.Kind, rows []*frame.Row, values ...map[int]int64) frame.Table {
	t := frame.Table{Kind: k, Gen: 1, Rows: rows}
	for i := range rows {
		row := make([]int64, metric.Width(k))
		for c := range row {
			row[c] = metric.Absent
		}
		for c, v := range values[i] {
			row[c] = v
		}
		t.Vals = append(t.Vals, row...)
	}
	return t
}

// labels makes labels of names and values.
func labels(pairs ...string) (all []frame.Label) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, frame.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

// tick is a tick in which web uses half a core.
func tick(seq uint64) *frame.Batch {
	n := int64(seq)
	now := time.Now().Truncate(time.Second).UnixNano() + (n-2)*1e9
	return &frame.Batch{
		Header: frame.Header{Agent: "agent-1", Boot: 7, Seq: seq, Key: seq, Time: now, Interval: 1e9, Parts: 1},
		Tables: []frame.Table{
			newTable(metric.Host, []*frame.Row{{ID: 1, Labels: labels("hostname", "alpha")}}, map[int]int64{
				metric.HostLoad1: 500, metric.HostMemTotal: 8 << 30, metric.HostMemAvailable: 6 << 30, metric.HostMemFree: 5 << 30,
			}),
			newTable(metric.Container, []*frame.Row{
				{ID: 2, Key: "/docker/web", Labels: labels("container_id", "0123456789abcdef", "name", "web", "runtime", "docker")},
				{ID: 3, Key: "/docker/web2",
					Labels: labels("container_id", "fedcba9876543210", "name", "web2", "runtime", "docker")},
				{ID: 4, Key: "/system.slice/ssh.service", Labels: labels("unit", "ssh.service")},
			}, map[int]int64{
				metric.CPUUsage: n * 500e6, metric.MemCurrent: 100 << 20, metric.MemMax: 1 << 30,
				metric.PidsCurrent: 3, metric.Created: now/1e9 - 90,
			}, map[int]int64{
				metric.CPUUsage: 0, metric.MemCurrent: 1 << 20, metric.MemMax: metric.Unlimited,
			}, map[int]int64{metric.MemCurrent: 5 << 20}),
		},
	}
}

// ask runs a client command.
func ask(t *testing.T, wantExit int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if exit := run(t.Context(), args, Programs{}, &out, &errs); exit != wantExit {
		t.Fatalf("%q: exit %d, want %d: %s", args, exit, wantExit, errs.String())
	}
	return out.String(), errs.String()
}

func TestNodeCommands(t *testing.T) {
	serve(t)
	check := func(want string, args ...string) {
		t.Helper()
		if out, _ := ask(t, 0, args...); !strings.Contains(out, want) {
			t.Errorf("%q lacks %q:\n%s", args, want, out)
		}
	}
	check("agent-1  alpha     ok              2", "node", "list")
	check("2.00GiB    8.00GiB", "node", "list", "-o", "wide")
	check("Memory         2.00GiB of 8.00GiB", "node", "show", "alpha")
	check("Hostname       alpha", "node", "show", "agent")
	check(`"agent_id": "agent-1"`, "node", "show", "agent-1", "--json")
	check("hostname: alpha\n", "node", "list", "-o", "yaml")
	check("3.00GiB (37.5%)", "node", "metrics", "summary", "alpha") // as DC/OS had it: what is not free
	check("load.1min", "node", "metrics", "details", "alpha")
	check("alpha  ok", "node", "top")
	out, _ := ask(t, 0, "node", "list", "--json")
	var agents []v1.Agent
	if err := json.Unmarshal([]byte(out), &agents); err != nil || len(agents) != 1 || agents[0].Containers != 2 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTaskCommands(t *testing.T) {
	serve(t)
	check := func(want string, args ...string) {
		t.Helper()
		if out, _ := ask(t, 0, args...); !strings.Contains(out, want) {
			t.Errorf("%q lacks %q:\n%s", args, want, out)
		}
	}
	check("web   agent-1  docker   0.500   100MiB    1.00GiB     3", "task", "list")
	check("web2  agent-1  docker   0.000  1.00MiB          -     -", "task", "list", "web2", "--agent", "alpha")
	check("ssh.service", "task", "list", "--cgroups")
	check("0.500  100MiB of 1.00GiB (9.8%)", "task", "metrics", "summary", "web") // its name, though web2 matches too
	check("mem.total", "task", "metrics", "details", "0123456789abcdef")
	check(`"memory_limit_bytes": 1073741824`, "task", "metrics", "summary", "web", "-o", "json")
	check("web   alpha  0.500", "top")
	check("web   alpha  0.500", "top", "-o", "table", "-n", "2", "--interval", "100ms")
	if out, _ := ask(t, 0, "task", "list", "no-such"); strings.Count(out, "\n") != 1 {
		t.Errorf("a header is expected, nothing else:\n%s", out)
	}
	if out, _ := ask(t, 0, "task", "list", "no-such", "--json"); out != "[]\n" {
		t.Errorf("got %q", out)
	}
	out, _ := ask(t, 0, "top", "-o", "json")
	var s topSample
	err := json.Unmarshal([]byte(out), &s)
	if err != nil || len(s.Agents) != 1 || len(s.Containers) != 2 || *s.Containers[0].CPUUsed != 0.5 {
		t.Errorf("%v: %s", err, out)
	}
}

// What does not work ends with status 1 and says what to do.
func TestClientErrors(t *testing.T) {
	serve(t)
	check := func(want string, args ...string) {
		t.Helper()
		if _, errs := ask(t, 1, args...); !strings.Contains(errs, want) {
			t.Errorf("%q lacks %q: %s", args, want, errs)
		}
	}
	check("there is no node \"alhpa\": did you mean alpha", "node", "show", "alhpa")
	check("no task matches", "task", "metrics", "summary", "nope")
	check("2 tasks match", "task", "metrics", "details", "we")
	check("fedcba9876543210  web2  on agent-1", "task", "metrics", "details", "we*")
	check("no node", "top", "--agent", "x")
	check("requires a token, or does not accept this one", "node", "list", "--token", "wrong-wrong-wrong-wrong")
	check("no such file", "node", "list", "--token-file", "/no/such/file")
	check("nothing listens", "node", "list", "--url", "127.0.0.1:1")
}

// The token is found where a relay on this machine keeps it, and a given one
// wins.
func TestFindToken(t *testing.T) {
	serve(t)
	t.Setenv("DAYTWO_TOKEN", "")
	dir := t.TempDir()
	write := func(name, token string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := write("good", testToken), write("bad", "wrong-wrong-wrong-wrong")
	t.Setenv("DAYTWO_DATA", dir)
	ask(t, 1, "node", "list")
	write("token", testToken)
	ask(t, 0, "node", "list")
	ask(t, 1, "node", "list", "--token-file", bad)
	t.Setenv("DAYTWO_TOKEN_FILE", bad)
	ask(t, 1, "node", "list")
	ask(t, 0, "node", "list", "--token-file", good)
	t.Setenv("DAYTWO_TOKEN", testToken)
	ask(t, 0, "node", "list")
}

// A container with several cgroups is still one.
func TestOncePerContainer(t *testing.T) {
	got := oncePerContainer([]v1.Container{
		{AgentID: "a", ContainerID: "1", Cgroup: "/1"}, {AgentID: "a", Cgroup: "/x"},
		{AgentID: "a", ContainerID: "1", Cgroup: "/y/1"},
		{AgentID: "b", ContainerID: "1", Cgroup: "/1"}, {AgentID: "a", Cgroup: "/z"},
	})
	var paths []string
	for _, c := range got {
		paths = append(paths, c.AgentID+c.Cgroup)
	}
	if s := strings.Join(paths, " "); s != "a/1 a/x b/1 a/z" {
		t.Errorf("got %s", s)
	}
}
