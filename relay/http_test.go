package relay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/bus"
)

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestRun(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	cfg := Config{
		Listen: freeAddress(t), DataDir: dir, Cluster: cluster, Log: quiet, Version: "test",
		NATS:    bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
		Metrics: []func(io.Writer){func(w io.Writer) { io.WriteString(w, "extra_metric 1\n") }},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()

	token := ""
	get := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+cfg.Listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	wait(t, "readiness", func() bool { code, _ := get("/readyz"); return code == 200 })
	if code, body := get("/metrics"); code != 401 {
		t.Fatalf("without a token: %d %s", code, body)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	token = strings.TrimSpace(string(raw))

	n := newNode("node-1")
	for range 5 {
		b.publish("node-1", n.Tick()...)
	}
	wait(t, "frames", func() bool {
		_, body := get("/metrics")
		return strings.Contains(body, "\ndaytwo_relay_stored_total 5\n")
	})
	if _, body := get("/metrics"); !strings.Contains(body, "\nextra_metric 1\n") ||
		!strings.Contains(body, "\nprocess_resident_memory_bytes ") {
		t.Errorf("/metrics lacks something:\n%s", body)
	}
	code, body := get("/api/v1/agents")
	if code != 200 || !json.Valid([]byte(body)) || !strings.Contains(body, `"node-1"`) {
		t.Errorf("%d %s", code, body)
	}
	code, body = get("/fleet/metrics?agent=node-1")
	if code != 200 || !strings.Contains(body, "container_cpu_usage_seconds_total{") ||
		!strings.Contains(body, "node-1-c0009") {
		t.Errorf("%d %.500s", code, body)
	}
	code, body = get("/api/v1/containers?agent=node-1")
	if code != 200 || !json.Valid([]byte(body)) || strings.Count(body, `"task.node-1-c`) < 10 {
		t.Errorf("%d %.500s", code, body)
	}

	// A second relay cannot listen on the address, and says which flag helps.
	again := cfg
	again.DataDir = t.TempDir()
	if err := Run(t.Context(), again); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Error(err)
	}
	b.stop()
	wait(t, "unreadiness", func() bool { code, _ := get("/readyz"); return code == 503 })
	if code, _ := get("/api/v1/agents"); code != 200 { // stored data is still served
		t.Error(code)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if code, _ := get("/healthz"); code != 0 {
		t.Error("still answering")
	}
}

func TestRunRefuses(t *testing.T) {
	weak := filepath.Join(t.TempDir(), "weak")
	if err := os.WriteFile(weak, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no token":      {},
		"weak token":    {TokenFile: weak},
		"no token file": {TokenFile: weak + "er"},
		"bad address":   {DataDir: t.TempDir(), Listen: "nowhere:1:2"},
	} {
		cfg.Log = quiet
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // so that Run ends at once if it does not refuse
		if err := Run(ctx, cfg); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
