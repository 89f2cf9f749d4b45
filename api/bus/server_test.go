package bus

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func start(t *testing.T, o ServerOptions) *Server {
	t.Helper()
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	o.Log = slog.New(slog.DiscardHandler)
	s, err := StartServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, o ConnectOptions) *nats.Conn {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	nc, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func streamOf(t *testing.T, nc *nats.Conn, c Config) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := EnsureStream(ctx, js, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInProcessServerKeepsTheStream(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 { // the second finds what the first left
		s, err := StartServer(ServerOptions{StoreDir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if s.URL() != "" {
			t.Errorf("an in-process server listens on %s", s.URL())
		}
		nc := connect(t, ConnectOptions{Server: s, Name: "test"})
		st := streamOf(t, nc, Config{Cluster: "c", MaxBytes: 1 << 20})
		js, _ := jetstream.New(nc)
		if _, err := js.Publish(t.Context(), Frames("c", "n", 4), []byte("x")); err != nil {
			t.Fatal(err)
		}
		info, err := st.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.State.Msgs != uint64(round+1) {
			t.Errorf("round %d: %d messages", round, info.State.Msgs)
		}
		if info.Config.Discard != jetstream.DiscardOld || info.Config.MaxBytes != 1<<20 || info.Config.Storage != jetstream.FileStorage {
			t.Errorf("stream is %+v", info.Config)
		}
		nc.Close()
		s.Close()
	}
}

func TestListen(t *testing.T) {
	s := start(t, ServerOptions{Listen: "127.0.0.1:0"})
	nc := connect(t, ConnectOptions{URLs: s.URL()})
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]string{
		"0.0.0.0:4222": "without users", ":4222": "without users", "nonsense": "listen address", "127.0.0.1:x": "bad port",
	} {
		if _, err := StartServer(ServerOptions{StoreDir: t.TempDir(), Listen: listen}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("listen on %q: %v, want %q in it", listen, err, want)
		}
	}
	if _, err := StartServer(ServerOptions{StoreDir: "/proc/nowhere", Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a store directory that cannot be made was accepted")
	} else {
		t.Log(err)
	}
}

func TestConnectRefusesWhatCannotWork(t *testing.T) {
	for _, o := range []ConnectOptions{
		{Credentials: "/nowhere/x.creds"}, {Cert: "/nowhere/x"}, {Cert: "/nowhere/x", Key: "/nowhere/y"}, {CA: "/nowhere/ca"}, {URLs: "ht tp:"},
	} {
		if nc, err := Connect(o); err == nil {
			nc.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestConnectWaitsForTheServer(t *testing.T) {
	nc := connect(t, ConnectOptions{URLs: "nats://127.0.0.1:1"})
	if nc.IsConnected() {
		t.Fatal("connected to nobody")
	}
	if err := nc.Publish("x", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("publishing while away: %v", err)
	}
}

// Each node has a credential; none may speak, answer or listen as another.
func TestNodePermissions(t *testing.T) {
	s := start(t, ServerOptions{Listen: "127.0.0.1:0", Users: []*server.User{
		{Username: "admin", Password: "pw"},
		{Username: "a", Password: "pw", Permissions: NodePermissions("c", "a")},
		{Username: "b", Password: "pw", Permissions: NodePermissions("c", "b")},
	}})
	admin := connect(t, ConnectOptions{URLs: s.URL(), User: "admin", Password: "pw"})
	streamOf(t, admin, Config{Cluster: "c", MaxBytes: 1 << 20})
	a := connect(t, ConnectOptions{URLs: s.URL(), User: "a", Password: "pw", Agent: "a"})

	publish := func(subject string) error {
		msg, err := a.Request(subject, []byte("x"), 500*time.Millisecond)
		if err == nil && !strings.Contains(string(msg.Data), `"seq"`) {
			t.Errorf("%s: answer %s", subject, msg.Data)
		}
		return err
	}
	if err := publish(Frames("c", "a", 16)); err != nil {
		t.Errorf("publishing as itself: %v", err)
	}
	for _, subject := range []string{Frames("c", "b", 16), Frames("d", "a", 16), Logs("c", "b", 16), RPC("c", "b", "exec"), "$JS.API.STREAM.NAMES"} {
		if err := publish(subject); err == nil {
			t.Errorf("a may publish on %s", subject)
		}
	}

	// It answers what is asked of it, as often as the stream takes ...
	if _, err := a.Subscribe(RPC("c", "a", ">"), func(m *nats.Msg) {
		for range 3 {
			_ = m.Respond([]byte("here"))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	inbox := admin.NewRespInbox()
	answers, err := admin.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.PublishRequest(RPC("c", "a", "logs"), inbox, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := answers.NextMsg(2 * time.Second); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	// ... and hears nothing that is meant for another.
	for _, subject := range []string{RPC("c", "b", ">"), InboxPrefix("b") + ".>", "_INBOX.>", ">", AllFrames("c")} {
		sub, err := a.SubscribeSync(subject)
		if err != nil {
			continue
		}
		if err := a.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{RPC("c", "b", "exec"), InboxPrefix("b") + ".x", "_INBOX.x", Frames("c", "b", 16)} {
			if err := admin.Publish(to, []byte("secret")); err != nil {
				t.Fatal(err)
			}
		}
		if err := admin.Flush(); err != nil {
			t.Fatal(err)
		}
		if m, err := sub.NextMsg(200 * time.Millisecond); err == nil {
			t.Errorf("a hears %s by subscribing to %s", m.Subject, subject)
		}
	}
}
