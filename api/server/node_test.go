package server

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig/history"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

func TestNewNode(t *testing.T) {
	srv := httptest.NewServer(NewNode(NodeOptions{Fleet: testtick.Local(testtick.New(2, false)), Agent: testtick.Agent}))
	defer srv.Close()
	get := func(path, host string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequest("GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(b)
	}
	code, header, body := get("/metrics", "")
	if code != 200 || header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%d %s", code, header.Get("Content-Type"))
	}
	families := parseText(t, body)
	for _, name := range []string{"container_memory_usage_bytes", "node_cpu_seconds_total", "machine_cpu_cores",
		"daytwo_http_panics_total"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if strings.Contains(body, "agent_id") {
		t.Error("agent_id on the metrics of one node")
	}
	for path, want := range map[string]int{
		"/healthz": 200, "/system/v1/metrics/v0/node": 200, "/": 404, "/api/v1/agents": 404,
		"/system/v1/agent/" + testtick.Agent + "/metrics/v0/node": 404,
	} {
		if code, _, _ := get(path, ""); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	for host, want := range map[string]int{"localhost:1": 200, "127.0.0.1": 200, "[::1]:61091": 200,
		"evil.example": 403, "evil.example:61091": 403} {
		if code, _, _ := get("/metrics", host); code != want {
			t.Errorf("Host %s: %d, want %d", host, code, want)
		}
	}
	early := httptest.NewServer(NewNode(NodeOptions{Fleet: query.NewLocal("a", "h"), Agent: "a"}))
	defer early.Close()
	resp, err := http.Get(early.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("before the first tick: %d", resp.StatusCode)
	}
}

func TestNodeOpenMetrics(t *testing.T) {
	srv := httptest.NewServer(NewNode(NodeOptions{Fleet: testtick.Local(testtick.New(1, false)), Agent: testtick.Agent}))
	defer srv.Close()
	req, err := http.NewRequest("GET", srv.URL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	// As Prometheus asks.
	req.Header.Set("Accept",
		"application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3,*/*;q=0.1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Content-Type") != "application/openmetrics-text; version=1.0.0; charset=utf-8" ||
		!strings.HasSuffix(string(b), "\n# EOF\n") {
		t.Errorf("%s, ends in %q", resp.Header.Get("Content-Type"), b[len(b)-20:])
	}
}

func TestFleetMetrics(t *testing.T) {
	live, silent := testtick.Now(testtick.New(1, false)), testtick.New(1, false)
	silent.Agent, silent.Time = "agent-2", time.Now().Add(-time.Hour).UnixNano()
	h := history.New(t)
	h.Put(live)
	h.PutAt(silent, time.Now().Add(-time.Hour))
	srv := serve(t, Options{Fleet: h.Fleet, History: h.Store})
	_, body := do(t, srv, "GET", "/fleet/metrics", nil)
	families := parseText(t, body)
	for _, m := range families["container_memory_usage_bytes"].GetMetric() {
		if labelValue(m, "agent_id") != testtick.Agent {
			t.Error("an agent that went silent is exposed")
		}
	}
	if n := len(families["daytwo_agent_last_tick_timestamp_seconds"].GetMetric()); n != 2 {
		t.Errorf("%d agents, want 2", n)
	}
	_, body = do(t, srv, "GET", "/fleet/metrics?agent=agent-2", nil)
	if f := parseText(t, body); f["node_load1"] != nil || len(f["daytwo_agent_containers"].GetMetric()) != 1 {
		t.Error("?agent= is not followed")
	}
}

func TestSelfMetrics(t *testing.T) {
	srv := serve(t, Options{Fleet: query.NewLocal("a", "h"), Metrics: []func(io.Writer){func(w io.Writer) {
		_, _ = io.WriteString(w, "# TYPE mine counter\nmine 3\n")
	}}})
	_, body := do(t, srv, "GET", "/metrics", nil)
	f := parseText(t, body)
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_open_fds",
		"process_cpu_seconds_total", "mine"} {
		if f[name] == nil || sampleValue(f[name].Metric[0]) <= 0 {
			t.Errorf("%s is missing or 0", name)
		}
	}
}

func TestGzipForOthers(t *testing.T) {
	h := NewNode(NodeOptions{Fleet: testtick.Local(testtick.New(50, false)), Agent: testtick.Agent})
	for remote, want := range map[string]string{"10.0.0.9:1234": "gzip", "127.0.0.1:1234": "", "[::1]:1234": ""} {
		r := httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil)
		r.RemoteAddr = remote
		r.Header.Set("Accept-Encoding", "deflate, gzip;q=0.5")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("%s: %q, want %q", remote, got, want)
		}
	}
}

// The node serves its logs with the token only, and nothing of them without one.
func TestNodeLogs(t *testing.T) {
	guard, err := auth.NewGuard("a-token-for-tests-only")
	if err != nil {
		t.Fatal(err)
	}
	l := testlogs.New(testtick.Agent)
	l.Say(1_760_000_000_000_000, "web", "hello")
	o := NodeOptions{Fleet: testtick.Local(testtick.New(1, false)), Agent: testtick.Agent, Logs: l}
	status := func(o NodeOptions, path, token string) int {
		r := httptest.NewRequest("GET", path, nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		NewNode(o).ServeHTTP(w, r)
		return w.Code
	}
	paths := []string{"/api/v1/logs", "/api/v1/logs/", "/api/v1/%6cogs", "/api/v1/logs/entries", "/api/v1/logs/fields",
		"/api/v1/logs/values?field=MESSAGE", "/api/v1/logs/histogram", "/api/v1/logs/boots", "/system/v1/logs/v1/range/",
		"/system/v1/logs/v1/fields/CONTAINER_ID", "/system/v1/logs/v2/component",
		"/system/v1/agent/" + testtick.Agent + "/logs/v1/range/download", "/slave/" + testtick.Agent + "/files/debug"}
	for _, path := range paths {
		if code := status(o, path, ""); code != http.StatusNotFound {
			t.Errorf("%s without a guard: %d", path, code)
		}
	}
	o.Guard = guard
	for _, path := range paths {
		if code := status(o, path, ""); code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, code)
		}
		if code := status(o, path, "another-token-for-tests"); code != http.StatusUnauthorized {
			t.Errorf("%s with another token: %d", path, code)
		}
		if code := status(o, path, "a-token-for-tests-only"); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	for _, path := range []string{"//api/v1/logs", "/x/../api/v1/logs", "/api/v1/./logs",
		"/system/v1/metrics/../logs/v1/range",
		"/system/v1/metrics/%2e%2e/logs/v1/range", "/system/v1/metrics/v0/../../logs/v2/component"} {
		if code := status(o, path, ""); code == http.StatusOK {
			t.Errorf("%s without a token: %d", path, code)
		}
	}
	if code := status(o, "/metrics", ""); code != http.StatusOK {
		t.Errorf("/metrics: %d", code)
	}
}

// Each route of a node is open or requires the token, as the table says.
func TestNodeTable(t *testing.T) {
	guard, err := auth.NewGuard("a-token-for-tests-only")
	if err != nil {
		t.Fatal(err)
	}
	o := NodeOptions{Fleet: testtick.Local(testtick.New(1, false)), Agent: testtick.Agent,
		Logs: testlogs.New(testtick.Agent), Guard: guard, Log: slog.New(slog.DiscardHandler)}
	h := NewNode(o)
	seen := map[string]bool{}
	for _, rt := range o.routes() {
		key := rt.Method + " " + rt.Path
		seen[key] = true
		for _, token := range []string{"", "another-token-for-tests", "a-token-for-tests-only"} {
			admin := token == "a-token-for-tests-only"
			if admin && strings.Contains(rt.Path, "stream") {
				continue // it never ends
			}
			r := httptest.NewRequest(rt.Method, "http://127.0.0.1"+fill(rt.Path, testtick.Agent, shop), nil)
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if let := w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden; let != (admin || nodeOpen[key]) {
				t.Errorf("%s with %q: %d, open %v", key, token, w.Code, nodeOpen[key])
			}
		}
	}
	for key := range nodeOpen {
		if !seen[key] {
			t.Errorf("%s is in the table, but no such route is served", key)
		}
	}
}
