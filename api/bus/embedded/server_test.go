package embedded

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func start(t *testing.T, o Options) *Server {
	t.Helper()
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	o.Log = slog.New(slog.DiscardHandler)
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, o bus.ConnectOptions) *nats.Conn {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	nc, err := bus.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func streamOf(t *testing.T, nc *nats.Conn, c bus.Config) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := bus.EnsureStream(ctx, js, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInProcessServerKeepsTheStream(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 { // the second finds what the first left
		s, err := Start(Options{StoreDir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if s.URL() != "" {
			t.Errorf("an in-process server listens on %s", s.URL())
		}
		nc := connect(t, bus.ConnectOptions{InProcess: s, Name: "test"})
		st := streamOf(t, nc, bus.Config{Cluster: "c", MaxBytes: 1 << 20})
		js, _ := jetstream.New(nc)
		if _, err := js.Publish(t.Context(), bus.Frames("c", "n", 4), []byte("x")); err != nil {
			t.Fatal(err)
		}
		info, err := st.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Msgs != uint64(round+1) {
			t.Errorf("round %d: %d messages", round, info.State.Msgs)
		}
		if info.Config.Discard != jetstream.DiscardOld || info.Config.MaxBytes != 1<<20 ||
			info.Config.Storage != jetstream.FileStorage {
			t.Errorf("stream is %+v", info.Config)
		}
		nc.Close()
		s.Close()
	}
}

func TestListen(t *testing.T) {
	s := start(t, Options{Listen: "127.0.0.1:0"})
	nc := connect(t, bus.ConnectOptions{URLs: s.URL()})
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]string{
		"0.0.0.0:4222": "without users", ":4222": "without users", "nonsense": "listen address", "127.0.0.1:x": "bad port",
	} {
		if _, err := Start(Options{StoreDir: t.TempDir(), Listen: listen}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("listen on %q: %v, want %q in it", listen, err, want)
		}
	}
	if _, err := Start(Options{StoreDir: "/proc/nowhere", Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a store directory that cannot be made was accepted")
	} else {
		t.Log(err)
	}
}
