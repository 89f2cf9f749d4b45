package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

const testToken = "a-token-for-tests-only"

// newTestServer serves a relay over a fleet of one node with these ticks.
func newTestServer(t testing.TB, ticks ...*frame.Batch) *httptest.Server {
	t.Helper()
	return serve(t, Options{Fleet: testtick.Local(ticks...), Agent: testtick.Agent, Cluster: "c-1", Version: "1.2.3"})
}

func serve(t testing.TB, o Options) *httptest.Server {
	t.Helper()
	g, err := auth.NewGuard(testToken)
	if err != nil {
		t.Fatal(err)
	}
	o.Guard = g
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// do sends a request with the token.
func do(t testing.TB, srv *httptest.Server, method, path string, body io.Reader, header ...string) (*http.Response,
	string) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "token="+testToken)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// get asks for a path and decodes the answer into v if it is not nil.
func get(t testing.TB, srv *httptest.Server, path string, v any) int {
	t.Helper()
	resp, body := do(t, srv, "GET", path, nil)
	if resp.StatusCode >= 400 {
		var e struct{ Error string }
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error == "" {
			t.Errorf("%s: %d without a message: %q", path, resp.StatusCode, body)
		}
		if v != nil {
			t.Logf("%s: %s", path, body)
		}
	} else if v != nil {
		if err := json.Unmarshal([]byte(body), v); err != nil {
			t.Fatalf("%s: %v in %q", path, err, body)
		}
	}
	return resp.StatusCode
}

// allRoutes returns all routes of a relay, and which paths of them need no token.
func allRoutes() (routes []web.Route, open map[string]bool) {
	return newServer(Options{Fleet: query.NewLocal("a", "h")}, shared{}, nil).routes(),
		map[string]bool{"GET /{$}": true, "GET /healthz": true, "GET /readyz": true,
			"POST /acs/api/v1/auth/login": true, "GET /acs/api/v1/auth/jwks": true,
			"GET /acs/api/v1/auth/providers": true, "GET /api/v1/auth/methods": true,
			"POST /api/v1/auth/session": true, "DELETE /api/v1/auth/session": true, "POST /api/v1/enroll": true,
			"GET /api/v1/auth/oidc/start": true, "GET /api/v1/auth/oidc/callback": true,
			"POST /api/v1/auth/oidc/device": true, "POST /api/v1/auth/oidc/token": true}
}

func TestEveryRouteAsksForTheToken(t *testing.T) {
	srv := newTestServer(t, testtick.New(1, false))
	routes, open := allRoutes()
	for _, rt := range routes {
		path := strings.NewReplacer("{$}", "", "{agent}", testtick.Agent, "{id}", "x", "{metric}", "m", "{name}",
			"n").Replace(rt.Path)
		req, err := http.NewRequest(rt.Method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if asks := resp.StatusCode == http.StatusUnauthorized; asks == open[rt.Method+" "+rt.Path] {
			t.Errorf("%s %s without a token: %d", rt.Method, path, resp.StatusCode)
		}
		if resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without WWW-Authenticate", path)
		}
	}
}

func TestStatuses(t *testing.T) {
	srv := newTestServer(t, testtick.New(1, false))
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"GET", "/healthz", 200}, {"GET", "/healthz/", 200},
		{"GET", "/nowhere", 404}, {"GET", "/api/v1", 404}, {"GET", "/api/v1/agents/x", 404},
		{"POST", "/api/v1/agents", 405}, {"DELETE", "/healthz", 405}, {"GET", "/mesos/api/v1", 405},
		{"HEAD", "/api/v1/agents", 200}, {"HEAD", "/fleet/metrics", 200},
		{"GET", "/api/v1/agents?x=1", 400}, {"GET", "/api/v1/containers?match=a&match=b", 400},
		{"GET", "/api/v1/containers?all=perhaps", 400}, {"GET", "/api/v1/containers?match=a%3Db%2Cc", 400},
		{"GET", "/api/v1/containers?match=" + strings.Repeat("x", 2000), 400},
		{"GET", "/api/v1/containers?agent=nobody", 404}, {"GET", "/fleet/metrics?agent=nobody", 404},
		{"GET", "/api/v1/containers?%zz", 400},
	} {
		resp, body := do(t, srv, c.method, c.path, nil)
		if resp.StatusCode != c.want {
			t.Errorf("%s %.60s: %d, want %d: %s", c.method, c.path, resp.StatusCode, c.want, body)
		}
		if c.method == "HEAD" && body != "" {
			t.Errorf("HEAD %s has a body", c.path)
		}
		if c.want >= 400 && !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("%s %.60s: %q is no error in JSON", c.method, c.path, body)
		}
		if c.want == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s: 405 without Allow", c.path)
		}
	}
}

// A process that is not ready names every part that it waits for.
func TestReadyz(t *testing.T) {
	parts := new(ready.Parts)
	parts.Expect("statsd")
	var state error = errors.New("the stream is not there yet")
	parts.Add("frames", func() error { return state })
	local := query.NewLocal("a", "h")
	node := httptest.NewServer(NewNode(NodeOptions{Fleet: local, Agent: "a", Ready: parts}))
	defer node.Close()
	for _, srv := range []*httptest.Server{serve(t, Options{Fleet: local, Ready: parts}), node} {
		check := func(want ...v1.PartWaiting) {
			t.Helper()
			var got v1.NotReady
			resp, body := do(t, srv, "GET", "/readyz", nil)
			if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusServiceUnavailable ||
				resp.Header.Get("Retry-After") == "" || !slices.Equal(got.NotReady, want) ||
				!strings.Contains(got.Error, want[0].Reason) {
				t.Errorf("%d %s, want %v", resp.StatusCode, body, want)
			}
		}
		state = errors.New("the stream is not there yet")
		parts.Expect("statsd")
		check(v1.PartWaiting{Part: "statsd", Reason: "it is starting"}, v1.PartWaiting{Part: "frames", Reason: state.Error()})
		parts.Up("statsd")
		check(v1.PartWaiting{Part: "frames", Reason: state.Error()})
		state = nil
		if resp, body := do(t, srv, "GET", "/readyz", nil); resp.StatusCode != http.StatusOK ||
			!strings.Contains(body, `"ok":true`) {
			t.Errorf("ready: %d %s", resp.StatusCode, body)
		}
		if resp, _ := do(t, srv, "HEAD", "/healthz", nil); resp.StatusCode != http.StatusOK {
			t.Errorf("/healthz: %d", resp.StatusCode)
		}
	}
}

func TestNewNeedsAGuard(t *testing.T) {
	if _, err := New(Options{Fleet: query.NewLocal("a", "h")}); err == nil {
		t.Error("a relay without a token is served")
	}
}
