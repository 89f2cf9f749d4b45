package sinks

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// stream is a NATS server with a stream of logs.
type stream struct {
	t   testing.TB
	url string
	js  jetstream.JetStream
	seq uint64 // of the last batch
}

const cluster = "default"

var quiet = slog.New(slog.DiscardHandler)

func newStream(t testing.TB) *stream {
	t.Helper()
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	nc, err := bus.Connect(bus.ConnectOptions{URLs: srv.URL(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s := &stream{t: t, url: srv.URL()}
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, 20*time.Second, func() error {
		_, err := bus.EnsureLogsStream(t.Context(), s.js, bus.Config{Cluster: cluster})
		return err
	})
	return s
}

// publish publishes records as one batch of the node testlog.Agent, as a collector does.
func (s *stream) publish(records ...*sink.Record) {
	s.t.Helper()
	var enc entry.Encoder
	for _, r := range records {
		err := error(nil)
		if r.Entry != nil {
			err = enc.Add(r.Entry)
		} else {
			err = enc.AddEvent(r.Event)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.seq++
	err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 7, Seq: s.seq}, 512<<10, func(m []byte) error {
		_, err := s.js.Publish(context.Background(), bus.Logs(cluster, testlog.Agent, 1), m)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// relay starts a relay with sinks.
func (s *stream) relay(t testing.TB, config string) *rig.Daytwo {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sinks.yaml")
	configure(t, path, config)
	return s.relayOf(t, path)
}

// relayOf starts a relay with a file of sinks.
func (s *stream) relayOf(t testing.TB, path string) *rig.Daytwo {
	t.Helper()
	return rig.StartReady(t, rig.Options{Program: "relay",
		Args: []string{"--nats", s.url, "--cluster", cluster, "--sinks", path}})
}

// configure writes a file of sinks.
func configure(t testing.TB, path, config string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// state returns what a relay says of a sink.
func state(t testing.TB, d *rig.Daytwo, name string) v1.Sink {
	t.Helper()
	var all v1.Sinks
	d.Relay.MustInto(t, "/api/v1/sinks", &all)
	for _, s := range all.Sinks {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no sink %s, refused: %s", name, all.ConfigRefused)
	return v1.Sink{}
}

// until waits until a sink is as wanted.
func until(t testing.TB, d *rig.Daytwo, name string, within time.Duration, ok func(v1.Sink) bool) {
	t.Helper()
	rig.Eventually(t, within, func() error {
		if s := state(t, d, name); !ok(s) {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// indent indents a configuration.
func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) + "\n"
}
