package relay

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/v1"
)

// serve runs a relay with its HTTP server until the test ends.
func serve(t *testing.T, b *broker) Config {
	t.Helper()
	cfg := Config{
		Listen:  freeAddress(t),
		DataDir: t.TempDir(),
		Cluster: cluster,
		Log:     quiet,
		NATS:    bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return cfg
}

// asker returns a function that requests /api/v1/query of a relay. The function returns
// the HTTP status (0 while nothing listens), the decoded answer, and its text.
func asker(t *testing.T, cfg Config) func(params string) (int, v1.Matrix, string) {
	return func(params string) (int, v1.Matrix, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+cfg.Listen+"/api/v1/query?"+params, nil)
		if err != nil {
			t.Fatal(err)
		}
		token, _ := os.ReadFile(filepath.Join(cfg.DataDir, "token"))
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, v1.Matrix{}, err.Error()
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Data v1.Matrix }
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, answer.Data, string(body)
	}
}
