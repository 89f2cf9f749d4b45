package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// The unmodified DC/OS command line reads logs, in each of its three ways.

// capable is a relay in front of another, with other capabilities.
func capable(t *testing.T, relay, capabilities string) string {
	t.Helper()
	to, err := url.Parse(relay)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, FlushInterval: -1}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/capabilities":
			w.Header().Set("Content-Type", "application/vnd.dcos.capabilities+json;charset=utf-8;version=v1")
			io.WriteString(w, capabilities)
		case "/dcos-metadata/ui-config.json":
			strategy := map[bool]string{true: "journald", false: "logrotate"}[strings.Contains(capabilities, "LOGGING")]
			fmt.Fprintf(w, `{"uiConfiguration":{"plugins":{"mesos":{"logging-strategy":%q}}}}`, strategy)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(srv.CloseClientConnections)
	t.Cleanup(srv.Close)
	return srv.URL
}

// dcosLogs are the logs of two tasks and of a service.
type dcosLogs struct {
	*testlogs.Logs
	n int
}

// add adds a line of task 0 or 1, or of the service with -1.
func (l *dcosLogs) add(task int, stream, message string) {
	id := "none"
	if task >= 0 {
		id = fmt.Sprintf("%064x", task+1)
	}
	l.n++
	e := testlogs.Line(testtick.Agent, id, stream, message, l.n)
	if task < 0 {
		e.Origin.SetTag("container_id", "")
		e.Fields = append(e.Fields, entry.Field{Name: "_SYSTEMD_UNIT", Value: []byte("dcos-net.service")})
	}
	l.Add(e)
}

func TestDCOSCommandLineLogs(t *testing.T) {
	l := &dcosLogs{Logs: testlogs.New("")}
	tick := testtick.New(2, true)
	relay := serve(t, Options{Fleet: testtick.Local(tick), Agent: testtick.Agent, Cluster: "c", Version: "1", Logs: l})
	t.Cleanup(relay.CloseClientConnections) // the followers never end
	for i := range 20 {
		l.add(0, "STDOUT", fmt.Sprintf("first %d", i))
		l.add(1, "STDOUT", fmt.Sprintf("second %d", i))
	}
	l.add(0, "STDERR", "error of the first")
	for i := range 3 {
		l.add(-1, "", fmt.Sprintf("service %d", i))
	}
	for _, way := range [][2]string{
		{"files", `{"capabilities":[]}`}, // first, since there the client takes characters for bytes
		{"v2", `{"capabilities":[{"name":"LOGGING_V2"},{"name":"LOGGING"}]}`},
		{"v1", `{"capabilities":[{"name":"LOGGING"}]}`},
	} {
		name, capabilities := way[0], way[1]
		t.Run(name, func(t *testing.T) {
			c := rig.DCOS(t, capable(t, relay.URL, capabilities), testToken)
			lines := func(args ...string) []string {
				t.Helper()
				out, errs, status := c.Run(t, args...)
				if status != 0 {
					t.Fatalf("dcos %q: status %d\n%s%s", args, status, out, errs)
				}
				var list []string
				for line := range strings.Lines(out) {
					if line = strings.TrimSpace(line); line != "" {
						list = append(list, line)
					}
				}
				return list
			}
			// ends checks how lines end: one of the three ways shows the time before each.
			ends := func(got []string, want ...string) {
				t.Helper()
				if len(got) != len(want) || slices.ContainsFunc(got, func(line string) bool {
					return !strings.HasSuffix(line, want[slices.Index(got, line)])
				}) {
					t.Errorf("%q, want %q", got, want)
				}
			}
			ends(lines("task", "log", "web.0", "--lines=2"), "first 18", "first 19")
			ends(lines("task", "log", "web.0", "stderr"), "error of the first")
			if name == "files" { // the other ways of this client are for one task only
				got := lines("task", "log", "web.", "--lines=1")
				slices.Sort(got)
				ends(got, "===> task:web.0:stdout <===", "===> task:web.1:stdout <===", "first 19", "second 19")
			}
			if got := lines("task", "ls", "web.0"); len(got) == 0 || !strings.Contains(strings.Join(got, " "), "stdout") {
				t.Errorf("task ls: %q", got)
			}
			if name != "files" {
				ends(lines("node", "log", "--mesos-id="+testtick.Agent, "--lines=2"), "service 1", "service 2")
				ends(lines("node", "log", "--mesos-id="+testtick.Agent, "--component=dcos-net", "--lines=1"), "service 2")
				ends(lines("node", "log", "--mesos-id="+testtick.Agent, "--filter=NUMBER:3"), "first 1")
				if _, errs, status := c.Run(t, "node", "log", "--mesos-id="+testtick.Agent, "--filter=NUMBER:9999"); status == 0 ||
					strings.Contains(errs, "Traceback") {
					t.Errorf("nothing matches: status %d, %s", status, errs)
				}
			}
			if name == "v2" {
				ends(lines("node", "log", "--leader", "--lines=1"), "service 2")
			}
			if name != "files" {
				node := c.Follow(t, "node", "log", "--mesos-id="+testtick.Agent, "--component=dcos-net", "--follow", "--lines=1")
				for _, want := range []string{"service 2", "service followed"} {
					line, err := node.ReadString('\n')
					for err == nil && strings.TrimSpace(line) == "" {
						line, err = node.ReadString('\n')
					}
					if err != nil || !strings.HasSuffix(strings.TrimSpace(line), want) {
						t.Fatalf("followed %q, %v; want %q", line, err, want)
					}
					if want == "service 2" {
						l.add(-1, "", "service followed")
					}
				}
			}
			if _, errs, status := c.Run(t, "task", "log", "nobody"); status == 0 || strings.Contains(errs, "Traceback") {
				t.Errorf("an unknown task: status %d, %s", status, errs)
			}
			follow := c.Follow(t, "task", "log", "--follow", "web.1", "--lines=1")
			last := "second 19"
			for i := range 3 {
				line, err := follow.ReadString('\n')
				for err == nil && strings.TrimSpace(line) == "" {
					line, err = follow.ReadString('\n')
				}
				if err != nil || !strings.HasSuffix(strings.TrimSpace(line), last) {
					t.Fatalf("followed %q, %v; want %q", line, err, last)
				}
				last = fmt.Sprintf("%s %d", name, i)
				if name != "files" {
					last += " ü 🎉"
				}
				l.add(1, "STDOUT", last)
				time.Sleep(10 * time.Millisecond)
			}
			l.add(1, "STDOUT", "second 19") // what the next way begins with
			l.add(-1, "", "service 1")
			l.add(-1, "", "service 2")
		})
	}
}
