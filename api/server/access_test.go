package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/history"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// The two applications of a test fleet. What is the second one's has its name in all that
// could show: labels, images, tags, log lines, host names.
const (
	shop   = "/shop"
	hidden = "hidden-bank"
)

// twoApplications is a fleet of two nodes: one has containers of both applications, the
// other only of the hidden one.
func twoApplications(t testing.TB) (Options, *testlogs.Logs) {
	t.Helper()
	h := history.New(t)
	for _, node := range []struct {
		agent string
		apps  []string
	}{{testtick.Agent, []string{shop, "/" + hidden}}, {hidden + "-node", []string{"/" + hidden}}} {
		for _, b := range testtick.Several(node.agent, len(node.apps), 3) {
			rows := b.Table(metric.Container).Rows
			for i, app := range node.apps {
				r := *rows[i]
				r.Labels = relabel(r.Labels, app)
				r.Key = "/docker/" + strings.TrimPrefix(app, "/")
				rows[i] = &r
			}
			for i, app := range node.apps {
				testtick.AddSent(b, testtick.Sent{ID: 1, Parent: rows[i].ID, Name: "hits-of-" + strings.TrimPrefix(app, "/"),
					Type: "c", Value: float64(b.Seq), Tags: []string{"from", app}})
				if i > 0 { // one table of a kind
					b.Tables = slices.Delete(b.Tables, len(b.Tables)-1, len(b.Tables))
				}
			}
			h.Put(testtick.Now(b))
		}
	}
	l := testlogs.New("")
	for i := range 20 {
		for _, app := range []string{shop, "/" + hidden} {
			e := testlogs.Line(testtick.Agent, strings.TrimPrefix(app, "/")+"-id", "STDOUT", "a line of "+app, i)
			e.Origin.SetTag("application_name", app)
			l.Add(e)
		}
	}
	return Options{Fleet: h.Fleet, History: h.Store, Logs: l, Agent: testtick.Agent, Cluster: "c", Version: "1"}, l
}

// relabel gives a container's labels another application.
func relabel(labels []frame.Label, app string) []frame.Label {
	name := strings.TrimPrefix(app, "/")
	var pairs []string
	for _, l := range labels {
		switch l.Name {
		case "container_id":
			l.Value = name + "-id"
		case "name", "task_id", "task_name", "image", "framework_id", "framework_name":
			l.Value = name + "-" + l.Name
		}
		pairs = append(pairs, l.Name, l.Value)
	}
	return testtick.Labels(append(pairs, "application_name", app)...)
}

type fixedKeys struct{ *jwks.Set }

func (f fixedKeys) Keys() *jwks.Set                   { return f.Set }
func (f fixedKeys) Missing(context.Context) *jwks.Set { return f.Set }

// accessServer serves options with a policy, and returns it with a function that signs
// tokens, and one that changes the policy.
func accessServer(
	t testing.TB, o Options, rules string,
) (srv *httptest.Server, sign func(string) string, change func(string)) {
	t.Helper()
	i, err := issuer.Open(filepath.Join(t.TempDir(), issuer.KeyFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jwt.New(jwt.Options{Keys: fixedKeys{i.Keys()}})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := auth.NewGuard(testToken)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var now *policy.Policy
	change = func(rules string) {
		p, err := policy.Parse([]byte(rules), "policy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		now = p
		mu.Unlock()
	}
	change(rules)
	o.Gate = gate.New(gate.Options{Token: guard, Own: v})
	o.Policy = func() *policy.Policy {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	o.Log = slog.New(slog.DiscardHandler)
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv = httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv, func(name string) string {
		t.Helper()
		token, err := i.Sign(name, nil, time.Hour, false)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}, change
}

const testRules = `
rules:
  - subjects: [user:anna]
    role: viewer
    where: {application: /shop}
  - subjects: [user:olga]
    role: operator
  - subjects: [user:vera]
    role: viewer
  - subjects: [user:root]
    role: admin
`

// ask sends a request as somebody; "" is nobody.
func ask(t testing.TB, srv *httptest.Server, token, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if strings.Contains(path, "/stream") { // it never ends
		return resp.StatusCode, ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// fill fills the variables of a route.
func fill(path, agent, app string) string {
	name := strings.TrimPrefix(app, "/")
	return strings.NewReplacer("{$}", "", "{agent}", agent, "{id}", name+"-id", "{container}", name+"-id", "{metric}", "m",
		"{name}", "n", "{framework}", name+"-framework_id", "{executor}", "e", "{file}", "stdout", "{task}", name+"-task_id",
		"{unit}", "u.service", "{field}", "MESSAGE", "{leader}", "mesos").Replace(path)
}

// Each kind of principal is answered on each route as the table says; an answer of 403 or
// 401 is refused, every other one is let through to the handler.
func TestAccessTable(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	tokens := map[string]string{"nobody": "", "a stranger": "a.b.c", "bob": sign("bob"), "anna": sign("anna"),
		"vera": sign("vera"), "olga": sign("olga"), "root": sign("root"), "admin": testToken}
	// who is let in to what, by the resource of the route.
	in := map[policy.Resource][]string{
		policy.SystemLogs:    {"anna", "vera", "olga"},
		policy.SystemMetrics: {"anna", "vera", "olga"},
		policy.OpsMesos:      {"anna", "vera", "olga"},
		policy.OpsSlave:      {"anna", "vera", "olga"},
		policy.Sandbox:       {"anna", "vera", "olga"},
		policy.Sinks:         {"vera", "olga"},
		policy.RelayMetrics:  {"vera", "olga"},
		policy.DeadLetters:   {"olga"},
	}
	routes, _ := allRoutes()
	seen := map[string]bool{}
	for _, rt := range routes {
		key := rt.Method + " " + rt.Path
		seen[key] = true
		n, ok := needs[key]
		if !ok {
			t.Errorf("%s is not in the table", key)
			continue
		}
		for who, token := range tokens {
			want := who == "admin" || who == "root"
			switch n.kind {
			case public:
				want = true
			case signedIn:
				want = who != "nobody" && who != "a stranger"
			default:
				if slices.Contains(in[n.resource], who) {
					want = n.action == policy.Read || who == "olga"
				}
			}
			code, body := ask(t, srv, token, rt.Method, fill(rt.Path, testtick.Agent, shop))
			let := code != http.StatusUnauthorized && code != http.StatusForbidden
			if let != want {
				t.Errorf("%s as %s: %d, let in: want %v\n%.200s", key, who, code, want, body)
			}
			if nobody := who == "nobody" || who == "a stranger"; nobody && n.kind != public && code != http.StatusUnauthorized {
				t.Errorf("%s as %s: %d, want 401", key, who, code)
			}
		}
	}
	for key := range needs {
		if !seen[key] {
			t.Errorf("%s is in the table, but no such route is served", key)
		}
	}
}

// Somebody who may see one application sees it in every route, and nothing of another one.
func TestAccessFilters(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	anna := sign("anna")
	routes, _ := allRoutes()
	queries := map[string]string{
		"GET /api/v1/query": "?metric=container.cpu.usage", "GET /api/v1/logs": "?limit=100",
		"GET /api/v1/logs/values": "?field=MESSAGE", "GET /api/v1/logs/histogram": "?since=2020-01-01&step=1d",
		"GET /api/v1/containers": "?all=1", "GET /api/v1/logs/entries": "?limit=100",
	}
	shown, secret := map[string]bool{}, map[string]bool{}
	for _, rt := range routes {
		key := rt.Method + " " + rt.Path
		if strings.Contains(rt.Path, "stream") || n(key).kind == public || rt.Method != "GET" {
			continue
		}
		for _, agent := range []string{testtick.Agent, hidden + "-node"} {
			for _, app := range []string{shop, "/" + hidden} {
				path := fill(rt.Path, agent, app) + queries[key]
				_, body := ask(t, srv, anna, rt.Method, path)
				_, all := ask(t, srv, testToken, rt.Method, path)
				// What the asker itself has named may be named in an error.
				if strings.Contains(all, hidden) {
					secret[key] = true
				}
				if strings.Contains(strings.ReplaceAll(body, path, ""), hidden) && !isError(body) {
					t.Errorf("%s shows the other application:\n%.300s", path, body)
				}
				if strings.Contains(body, "shop") && !isError(body) {
					shown[key] = true
				}
			}
		}
	}
	for _, key := range []string{
		"GET /api/v1/agents", "GET /api/v1/containers", "GET /api/v1/query", "GET /fleet/metrics", "GET /api/v1/logs",
		"GET /api/v1/logs/values", "GET /mesos/master/state", "GET /system/v1/metrics/v0/containers/{id}",
	} {
		if !secret[key] && key != "GET /system/v1/metrics/v0/containers/{id}" {
			t.Errorf("%s has nothing to hide: the test shows nothing", key)
		}
		if !shown[key] && key != "GET /api/v1/agents" {
			t.Errorf("%s does not show the asker's own application", key)
		}
	}
}

func n(key string) need { return needs[key] }

// isError reports whether an answer is a message, which may repeat what was asked for.
func isError(body string) bool { return strings.HasPrefix(body, `{"error":`) }

// What may not be seen cannot be told from what is not there.
func TestHiddenIsLikeAbsent(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	anna := sign("anna")
	for _, path := range []string{
		"/api/v1/containers?agent=%s-node", "/api/v1/query?metric=host.load1&agent=%s-node", "/fleet/metrics?agent=%s-node",
		"/system/v1/agent/%s-node/metrics/v0/node", "/system/v1/metrics/v0/containers/%s-id", "/slave/%s-node/state",
		"/system/v1/agent/%s-node/metrics/v0/containers", "/api/v1/query?metric=hits-of-%s",
		"/api/v1/logs?container=%s-id", "/api/v1/logs?agent=%s-node",
	} {
		code, body := ask(t, srv, anna, "GET", fmt.Sprintf(path, hidden))
		absent, text := ask(t, srv, anna, "GET", fmt.Sprintf(path, "nothing-atall"))
		if code != absent || strings.ReplaceAll(body, hidden, "") != strings.ReplaceAll(text, "nothing-atall", "") {
			t.Errorf("%s: %d %s; of one that is not there %d %s", path, code, body, absent, text)
		}
	}
}

// Counts are those of what may be seen.
func TestCountsAreFiltered(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	_, body := ask(t, srv, sign("anna"), "GET", "/api/v1/agents")
	if strings.Count(body, "agent_id") != 1 || !strings.Contains(body, `"containers":1,`) ||
		strings.Contains(body, "cores") {
		t.Error(body)
	}
	_, body = ask(t, srv, sign("anna"), "GET", "/api/v1/logs/histogram?since=2020-01-01&until=2030-01-01&step=365d")
	_, all := ask(t, srv, testToken, "GET", "/api/v1/logs/histogram?since=2020-01-01&until=2030-01-01&step=365d")
	if !strings.Contains(body, "20") || body == all {
		t.Errorf("%s\n%s", body, all)
	}
}

// An open stream ends when its asker may see less than before: also that of somebody who
// saw everything, and one through an agent's address, which needs a right of its own.
func TestStreamEndsWithAccess(t *testing.T) {
	const through = `
rules:
  - {subjects: [user:sam], resources: dcos:adminrouter:ops:system-logs, actions: read}
`
	for name, c := range map[string]struct{ who, path, before, after string }{
		"sees one application": {"anna", "/api/v1/logs?follow=1&limit=1", testRules,
			"rules: [{subjects: [user:bob], role: viewer}]"},
		"sees everything": {"vera", "/api/v1/logs?follow=1&limit=1", testRules,
			"rules: [{subjects: [user:bob], role: viewer}]"},
		"through an agent": {"sam", "/system/v1/agent/" + testtick.Agent + "/logs/v1/stream/?skip_prev=1", through +
			"  - {subjects: [user:sam], resources: dcos:adminrouter:system:agent, actions: read}\n", through},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			streamEnds(t, c.who, c.path, c.before, c.after)
		})
	}
}

// streamEnds opens a stream, changes the policy, and fails unless the stream ends. Only vera
// and sam may see the hidden application.
func streamEnds(t *testing.T, who, path, before, after string) {
	o, l := twoApplications(t)
	srv, sign, change := accessServer(t, o, before)
	t.Cleanup(srv.CloseClientConnections)
	req, err := http.NewRequest("GET", srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+sign(who))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	var got syncBuffer
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(&got, resp.Body)
	}()
	say := func(app string, i int) {
		e := testlogs.Line(testtick.Agent, "x", "STDOUT", fmt.Sprintf("%s %d", app, i), 100+i)
		e.Origin.SetTag("application_name", app)
		l.Add(e)
	}
	end := time.Now().Add(20 * time.Second)
	for i := 0; !strings.Contains(got.String(), shop+" "); i++ {
		if time.Now().After(end) {
			t.Fatalf("not followed: %s", got.String())
		}
		say("/"+hidden, i)
		say(shop, i)
		time.Sleep(10 * time.Millisecond)
	}
	change(after)
	for i := range 600 {
		select {
		case <-ended:
			if who == "anna" && strings.Contains(got.String(), hidden) {
				t.Error("the stream showed the other application")
			}
			return
		case <-time.After(100 * time.Millisecond):
			say(shop, 10_000+i)
		}
	}
	t.Error("the stream goes on")
}

// Streams work with the cookie alone, as a browser's EventSource sends it.
func TestStreamByCookie(t *testing.T) {
	o, _ := twoApplications(t)
	srv, sign, _ := accessServer(t, o, testRules)
	t.Cleanup(srv.CloseClientConnections)
	for site, want := range map[string]int{"same-origin": http.StatusOK, "cross-site": http.StatusForbidden} {
		req, err := http.NewRequest("GET", srv.URL+"/api/v1/logs?follow=1&limit=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: auth.Cookie, Value: sign("anna")})
		for name, value := range map[string]string{"Accept": "text/event-stream", "Cache-Control": "no-cache",
			"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("%s: %d, want %d", site, resp.StatusCode, want)
		}
		if want != http.StatusOK {
			continue
		}
		first := make([]byte, 4096)
		n, err := resp.Body.Read(first)
		if err != nil || !strings.Contains(string(first[:n]), "a line of "+shop) {
			t.Errorf("%q, %v", first[:n], err)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Refused requests, and those that reveal more than metrics, are in the audit log.
func TestAudited(t *testing.T) {
	o, _ := twoApplications(t)
	var mu sync.Mutex
	var records []audit.Record
	o.Audit = func(r audit.Record) {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
	}
	srv, sign, _ := accessServer(t, o, testRules)
	ask(t, srv, sign("anna"), "GET", "/api/v1/agents")         // not audited
	ask(t, srv, "", "GET", "/api/v1/agents")                   // nobody, who is asked to sign in: not either
	ask(t, srv, "a.b.c", "GET", "/api/v1/agents")              // refused
	ask(t, srv, sign("bob"), "GET", "/api/v1/containers?x=1")  // refused
	ask(t, srv, sign("anna"), "GET", "/api/v1/logs?limit=1")   // reveals
	ask(t, srv, sign("vera"), "POST", "/api/v1/sinks/x/pause") // refused
	ask(t, srv, sign("olga"), "POST", "/api/v1/sinks/x/pause") // changes
	ask(t, srv, testToken, "GET", "/api/v1/logs?limit=1")      // the admin too
	var got []string
	for _, r := range records {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", r.Who, r.What, r.Action, r.Resource, r.Decision)))
		if r.From == "" || r.Decision == audit.Allowed && r.Rule == "" {
			t.Errorf("%+v", r)
		}
	}
	want := []string{
		"GET /api/v1/agents   refused",
		"bob GET /api/v1/containers read dcos:adminrouter:ops:system-metrics refused",
		"anna GET /api/v1/logs read dcos:adminrouter:ops:system-logs allowed",
		"vera POST /api/v1/sinks/x/pause update daytwo:sinks refused",
		"olga POST /api/v1/sinks/x/pause update daytwo:sinks allowed",
		"admin GET /api/v1/logs read dcos:adminrouter:ops:system-logs allowed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
