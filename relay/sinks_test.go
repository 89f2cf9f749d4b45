package relay

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testlog"
)

// logs publishes the entries "line FIRST" to "line LAST" as one batch.
func (b *broker) logs(seq uint64, first, last int) {
	b.t.Helper()
	if _, err := bus.EnsureLogsStream(b.t.Context(), b.js, bus.Config{Cluster: cluster}); err != nil {
		b.t.Fatal(err)
	}
	var enc entry.Encoder
	for i := first; i <= last; i++ {
		if err := enc.Add(testlog.Entry(i, fmt.Sprint("line ", i))); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 1, Seq: seq}, 0, func(m []byte) error {
		_, err := b.js.Publish(b.t.Context(), bus.Logs(cluster, testlog.Agent, 1), m)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
}

// A relay delivers logs to its sinks, and they are controlled by its API.
func TestSinks(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	file, out := filepath.Join(dir, "sinks.yaml"), filepath.Join(dir, "out.jsonl")
	config := "sinks:\n  - name: f\n    file: {path: " + out + "}\n    batch: {wait: 10ms}\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Listen: freeAddress(t), DataDir: dir, Cluster: cluster, Log: quiet, SinksFile: file,
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	wait(t, "the token", func() bool { _, err := os.Stat(filepath.Join(dir, "token")); return err == nil })
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(cfg.Listen, strings.TrimSpace(string(token)))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, "readiness", func() bool { return c.Ready(t.Context()) == nil })
	sink := func() v1.Sink {
		s, err := c.Sinks(t.Context())
		if err != nil || len(s.Sinks) != 1 {
			t.Fatal(s, err)
		}
		return s.Sinks[0]
	}
	lines := func(n int) {
		t.Helper()
		wait(t, fmt.Sprint(n, " lines"), func() bool {
			text, _ := os.ReadFile(out)
			return strings.Count(string(text), "\n") == n
		})
	}
	b.logs(1, 0, 99)
	lines(100)
	wait(t, "the counts", func() bool {
		s := sink()
		return s.Delivered == 100 && s.State == "running" &&
			s.Type == "file"
	})
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(c.PauseSink(t.Context(), "f"))
	if s := sink(); s.State != "paused" {
		t.Errorf("%+v", s)
	}
	b.logs(2, 100, 149)
	do(c.ResumeSink(t.Context(), "f"))
	lines(150)
	do(c.ResetSink(t.Context(), "f", "start"))
	lines(300)
	do(c.ResetSink(t.Context(), "f", "end"))
	do(c.TestSink(t.Context(), "f"))
	if dead, err := c.DeadLetters(t.Context(), "f", 5); err != nil || len(dead) != 0 {
		t.Error(dead, err)
	}
	for _, err := range []error{c.PauseSink(t.Context(), "x"), c.TestSink(t.Context(), "x")} {
		if !client.NotFound(err) {
			t.Errorf("a sink that does not exist: %v", err)
		}
	}
	if err := c.ResetSink(t.Context(), "f", "nonsense"); err == nil || !strings.Contains(err.Error(), "start") {
		t.Errorf("reset to nonsense: %v", err)
	}
	do(os.WriteFile(file, []byte("sinks: [{name: f}]"), 0o600))
	wait(t, "the refusal", func() bool {
		s, err := c.Sinks(t.Context())
		return err == nil && strings.Contains(s.ConfigRefused, "it has no receiver") && len(s.Sinks) == 1
	})
	if checks := Doctor(t.Context(), cfg); checks[len(checks)-1].State != health.Fail {
		t.Errorf("doctor says %+v", checks)
	}
	do(os.WriteFile(file, []byte(config), 0o600))
	if checks := Doctor(t.Context(), cfg); checks[len(checks)-1].State != health.OK {
		t.Errorf("doctor says %+v", checks)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	select {
	case err := <-ended:
		do(err)
	case <-time.After(20 * time.Second):
		t.Fatal("the relay does not end")
	}
	cfg.SinksFile = filepath.Join(dir, "missing")
	if err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a missing file: %v", err)
	}
}

// A relay with a sink makes the stream of logs as it is configured.
func TestSinksMakeTheStream(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "sinks.yaml")
	if err := os.WriteFile(file, []byte("sinks: [{name: f, file: {path: "+dir+"/out}}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Listen: freeAddress(t), DataDir: dir, Cluster: cluster, Log: quiet, SinksFile: file,
		Logs: bus.Config{MaxAge: time.Hour, MaxBytes: 8 << 20},
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	wait(t, "the stream", func() bool {
		s, err := b.js.Stream(t.Context(), bus.LogsStream(cluster))
		return err == nil && s.CachedInfo().Config.MaxAge == time.Hour && s.CachedInfo().Config.MaxBytes == 8<<20
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
