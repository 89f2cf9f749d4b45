package embedded

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/nats-io/nats-server/v2/server"
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
		"0.0.0.0:4222": "without authentication", ":4222": "without TLS", "nonsense": "listen address",
		"127.0.0.1:x": "bad port",
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

// With a certificate and users it may listen beyond loopback; who connects in this process needs
// no TLS.
func TestListenOverTLS(t *testing.T) {
	a := rig.NewAuthority(t)
	pair := a.Issue("127.0.0.1", time.Now().Add(time.Hour))
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	s := start(t, Options{Listen: "0.0.0.0:0", Users: []*server.User{{Username: "u", Password: "p"}}, TLS: config})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL(), "tls://"))
	if err != nil {
		t.Fatal(err)
	}
	nc := connect(t, bus.ConnectOptions{URLs: "tls://127.0.0.1:" + port, User: "u", Password: "p", CA: a.CA})
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Connect("nats://127.0.0.1:"+port, nats.UserInfo("u", "p"), nats.Timeout(2*time.Second)); err == nil {
		t.Error("a client that does not trust the certificate comes in")
	}
	nc = connect(t, bus.ConnectOptions{InProcess: s, User: "u", Password: "p"})
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Errorf("in this process: %v", err)
	}
}

// A stream that is as it should be is not updated: a server that changes a stream while somebody
// begins to read from it has to be trusted to do both well.
func TestStreamIsUpdatedIfItDiffers(t *testing.T) {
	s, err := Start(Options{StoreDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc := connect(t, bus.ConnectOptions{InProcess: s})
	updates, err := nc.SubscribeSync("$JS.EVENT.ADVISORY.STREAM.UPDATED.>")
	if err != nil {
		t.Fatal(err)
	}
	c := bus.Config{Cluster: "c", MaxBytes: 8 << 20}
	for range 3 {
		streamOf(t, nc, c)
	}
	if m, err := updates.NextMsg(200 * time.Millisecond); err == nil {
		t.Errorf("it was updated: %s", m.Data)
	}
	c.MaxAge = time.Hour
	if age := streamOf(t, nc, c).CachedInfo().Config.MaxAge; age != time.Hour {
		t.Errorf("entries are kept for %v", age)
	}
	if _, err := updates.NextMsg(5 * time.Second); err != nil {
		t.Errorf("no update: %v", err)
	}
}
