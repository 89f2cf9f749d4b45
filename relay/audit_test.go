package relay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/client"
)

// logBuffer is the log of a program that is read while it runs.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A relay's log that is cut while the relay does not run, and goes on after that, is noticed by
// the relay itself, by the checkpoints in NATS, of which nothing can be taken away, and by those
// in the relay's own log.
func TestAuditCheckpoints(t *testing.T) {
	b := newBroker(t)
	data := t.TempDir()
	out := new(logBuffer)
	cfg := Config{Listen: freeAddress(t), DataDir: data, Cluster: cluster, ID: "r1",
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet}, Log: slog.New(slog.NewTextHandler(out, nil))}
	if err := os.WriteFile(filepath.Join(data, "relay-id"), []byte("r1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	local := client.Socket(filepath.Join(data, SocketFile))
	// run runs the relay while n refused requests come.
	run := func(n int, while func()) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- Run(ctx, cfg) }()
		wait(t, "readiness", func() bool { return local.Ready(ctx) == nil })
		for i := range n {
			req, err := http.NewRequest("GET", fmt.Sprintf("http://%s/api/v1/agents", cfg.Listen), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", fmt.Sprintf("Bearer no.such.token%d", i))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		while()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	read := func() (list []audit.Checkpoint) {
		t.Helper()
		all, err := local.Checkpoints(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Relay != "r1" || time.Since(c.Time) > time.Hour {
				t.Errorf("%+v", c)
			}
			list = append(list, audit.Checkpoint{Seq: c.Number, Hash: c.Hash})
		}
		return list
	}
	dir := filepath.Join(data, audit.Dir)
	run(6, func() {}) // its end sends a checkpoint
	run(0, func() {
		if all := read(); len(all) != 1 || all[0].Seq != 6 {
			t.Errorf("%+v", all)
		} else if _, err := audit.Verify(dir, all...); err != nil {
			t.Error(err)
		}
		if other, err := local.Checkpoints(t.Context(), "r2"); err != nil || len(other) != 0 {
			t.Errorf("another relay's: %v, %v", other, err)
		}
	})
	if strings.Contains(out.String(), "was cut") {
		t.Error(out.String())
	}

	// Nobody takes the checkpoints away.
	s, err := b.js.Stream(t.Context(), bus.AuditStream(cluster))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err == nil {
		t.Error("the stream can be purged")
	}
	if err := s.DeleteMsg(t.Context(), 1); err == nil {
		t.Error("a message can be deleted")
	}

	// The newest two lines are cut; the chain alone does not show it.
	files, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if err := os.WriteFile(files[0], bytes.Join(lines[:4], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Verify(dir); err != nil {
		t.Fatal(err)
	}
	run(5, func() {
		wait(t, "the relay notices it", func() bool { return strings.Contains(out.String(), "was cut or replaced") })
		resp, err := http.NewRequest("GET", "http://"+cfg.Listen+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		token, err := os.ReadFile(filepath.Join(data, "token"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		answer, err := http.DefaultClient.Do(resp)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		if err != nil || !strings.Contains(string(page), "\ndaytwo_audit_intact 0\n") {
			t.Errorf("%v: no daytwo_audit_intact 0", err)
		}
	})
	run(0, func() {
		// The log is longer than before by now, and its chain is whole.
		all := read()
		if _, err := audit.Verify(dir); err != nil {
			t.Error(err)
		}
		if _, err := audit.Verify(dir, all...); err == nil || !strings.Contains(err.Error(), "number 6") {
			t.Errorf("with the checkpoints in NATS: %v", err)
		}
	})
	said, err := audit.ReadCheckpoints(strings.NewReader(out.String()), "r1")
	if err != nil || len(said) < 2 {
		t.Fatal(said, err)
	}
	if _, err := audit.Verify(dir, said...); err == nil || !strings.Contains(err.Error(), "number 6") {
		t.Errorf("with the checkpoints of the relay's log: %v", err)
	}
	if other, err := audit.ReadCheckpoints(strings.NewReader(out.String()), "r2"); err != nil || len(other) != 0 {
		t.Errorf("of another relay: %v, %v", other, err)
	}
}
