package collector

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
)

// A collector with everything on starts: the calls that may hang have room in one set.
func TestEverythingOn(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: silent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	ship, statsd := filepath.Join(dir, "ship.yaml"), filepath.Join(dir, "statsd.yaml")
	for path, text := range map[string]string{ship: "filter: [drop: {match: {A: b}}]", statsd: "mappings: []\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := New(Config{DataDir: filepath.Join(dir, "data"), AgentID: "a", Cluster: "c", NoBPF: true, Log: silent,
		NATS: bus.ConnectOptions{InProcess: srv, Log: silent}, Shipping: Shipping{On: true, RulesFile: ship},
		Statsd: Statsd{Listen: []string{"127.0.0.1:0"}, RulesFile: statsd}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Serve(ctx); err != nil {
		t.Error(err)
	}
}
