package client_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server"
)

const token = "a-token-for-tests-only"

// relay serves one node of one container.
func relay(t *testing.T) *httptest.Server {
	t.Helper()
	row := make([]int64, metric.Width(metric.Container))
	for i := range row {
		row[i] = metric.Absent
	}
	row[metric.MemCurrent] = 4096
	local := query.NewLocal("a1", "host-1")
	local.Update(func(b *frame.Batch) {
		b.Header = frame.Header{Agent: "a1", Boot: 1, Seq: 1, Key: 1, Time: time.Now().UnixNano(), Interval: 1e9,
			Parts: 1}
		b.Tables = []frame.Table{{Kind: metric.Container, Gen: 1, Vals: row, Rows: []*frame.Row{{
			ID: 1, Key: "/docker/c1", Labels: []frame.Label{{Name: "container_id", Value: "c1"},
				{Name: "name", Value: "web"}},
		}}}}
	})
	guard, err := auth.NewGuard(token)
	if err != nil {
		t.Fatal(err)
	}
	h, err := server.New(server.Options{Fleet: local, Guard: guard, Agent: "a1"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func newClient(t *testing.T, url, token string) *client.Client {
	t.Helper()
	c, err := client.New(url, token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClient(t *testing.T) {
	ctx := t.Context()
	c := newClient(t, relay(t).URL, token)
	if err := c.Ready(ctx); err != nil {
		t.Error(err)
	}
	agents, err := c.Agents(ctx)
	if err != nil || len(agents) != 1 || agents[0].Hostname != "host-1" {
		t.Errorf("%+v, %v", agents, err)
	}
	list, err := c.Containers(ctx, client.ContainersQuery{Agent: "a1", Match: "web", All: true})
	if err != nil || len(list) != 1 || list[0].DisplayName() != "web" || *list[0].MemoryCurrent != 4096 {
		t.Errorf("%+v, %v", list, err)
	}
	m, err := c.ContainerMetrics(ctx, "a1", "c1")
	if err != nil || m == nil || m.Datapoints[0].Name != "mem.total" || m.Datapoints[0].Value != 4096 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := c.NodeMetrics(ctx, "a1"); err != nil || m != nil {
		t.Errorf("a node without values: %+v, %v", m, err)
	}
	if _, err := c.ContainerMetrics(ctx, "a1", "no/such one"); !client.NotFound(err) {
		t.Errorf("an unknown container: %v", err)
	}
	if _, err := c.Query(ctx, client.Query{Metric: "memory.current"}); err == nil ||
		!strings.Contains(err.Error(), "ask a relay") {
		t.Errorf("history of a collector: %v", err)
	}
}

// recorder is a history that answers one series and remembers what it was asked.
type recorder struct {
	query.NoHistory
	asked query.Query
}

func (r *recorder) Query(_ context.Context, q query.Query) ([]query.Series, error) {
	r.asked = q
	row := &frame.Row{ID: 1, Key: "/docker/c1", Labels: []frame.Label{{Name: "name", Value: "web"}}}
	return []query.Series{{Agent: "a1", Row: row, Times: []int64{10e9, 12e9}, Values: []int64{1e9, 2e9}}}, nil
}

func TestQueryArrivesAsAsked(t *testing.T) {
	fleet, history := query.NewLocal("a1", "h"), new(recorder)
	fleet.Update(func(b *frame.Batch) { b.Header = frame.Header{Agent: "a1", Seq: 1, Parts: 1} })
	guard, err := auth.NewGuard(token)
	if err != nil {
		t.Fatal(err)
	}
	h, err := server.New(server.Options{Fleet: fleet, History: history, Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	c := newClient(t, srv.URL, token)
	start, end := time.UnixMilli(8_250), time.UnixMilli(20_500)
	m, err := c.Query(t.Context(), client.Query{Metric: "cpu.usage", Agent: "a1", Match: "name=web", Start: start,
		End: end, Step: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	q := history.asked
	if q.Agent != "a1" || q.Kind != metric.Container || q.Column != metric.CPUUsage || q.Start != start.UnixNano() ||
		q.End != end.UnixNano() || q.Step != 15e8 || q.Match == nil {
		t.Errorf("asked for %+v", q)
	}
	if len(m.Result) != 1 || m.Result[0].Labels["name"] != "web" || len(m.Result[0].Points) != 2 ||
		m.Result[0].Points[1].Value != 2 {
		t.Errorf("%+v", m)
	}
	m, err = c.Query(t.Context(), client.Query{Metric: "cpu.usage", Start: start, End: end, Rate: true})
	if err != nil || len(m.Result) != 1 || len(m.Result[0].Points) != 1 || m.Result[0].Points[0].Value != 0.5 {
		t.Errorf("rate: %+v, %v", m, err)
	}
	if _, err := c.Query(t.Context(), client.Query{Metric: "no.such.metric"}); err == nil ||
		!strings.Contains(err.Error(), "unknown metric") {
		t.Errorf("an unknown metric: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	srv := relay(t)
	try := func(c *client.Client, want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := c.Agents(ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	try(newClient(t, srv.URL, ""), "--token-file")
	try(newClient(t, srv.URL, "some-other-token-altogether"), "--token-file")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	l.Close()
	try(newClient(t, gone, token), "is daytwo running?")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>"))
	}))
	defer other.Close()
	try(newClient(t, other.URL, token), "is not a daytwo relay")
	for _, bad := range []string{"ftp://x", "http://", "http://a b", ""} {
		if _, err := client.New(bad, ""); err == nil {
			t.Errorf("%q is taken for a URL", bad)
		}
	}
}

func TestTheTokenStaysWithTheRelay(t *testing.T) {
	var got string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
	}))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer srv.Close()
	if _, err := newClient(t, srv.URL, token).Agents(t.Context()); err == nil {
		t.Error("a redirect to another place is followed")
	}
	if got != "" {
		t.Errorf("sent elsewhere: %q", got)
	}
}

// What a URL has beside scheme, host and path is not kept: least of all a password.
func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:8400":            "http://127.0.0.1:8400",
		"http://relay:8400/":        "http://relay:8400",
		"https://relay/daytwo/":     "https://relay/daytwo",
		"http://a:b@relay/?q=1#tag": "http://relay",
	} {
		c, err := client.New(in, token)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := c.URL(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"", "http://", "ftp://relay", "http://[::1", "unix:///run/x"} {
		if _, err := client.New(bad, token); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
