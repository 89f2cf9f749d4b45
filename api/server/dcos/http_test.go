package dcos

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// newTestServer serves all routes over a fleet of one node with these ticks.
func newTestServer(t testing.TB, ticks ...*frame.Batch) *httptest.Server {
	t.Helper()
	return serve(t, API{Fleet: testtick.Local(ticks...), Agent: testtick.Agent, Cluster: "c-1", Version: "1.2.3"})
}

func serve(t testing.TB, api API) *httptest.Server {
	t.Helper()
	api.Now = time.Now
	routes := slices.Concat(api.ThisNode(), api.AnyAgent(), api.ClusterState())
	srv := httptest.NewServer(web.Bounded(web.Mux(routes, "", slog.New(slog.DiscardHandler))))
	t.Cleanup(srv.Close)
	return srv
}

func do(
	t testing.TB, srv *httptest.Server, method, path string, body io.Reader, header ...string,
) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
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
	return resp, string(b)
}

// get asks for a path, and decodes a success into v if it is not nil.
func get(t testing.TB, srv *httptest.Server, path string, v any) int {
	t.Helper()
	resp, body := do(t, srv, "GET", path, nil)
	if resp.StatusCode == http.StatusOK && v != nil {
		if err := json.Unmarshal([]byte(body), v); err != nil {
			t.Fatalf("%s: %v in %q", path, err, body)
		}
	}
	return resp.StatusCode
}
