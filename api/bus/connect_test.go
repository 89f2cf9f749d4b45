package bus

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestConnectRefusesWhatCannotWork(t *testing.T) {
	for _, o := range []ConnectOptions{
		{Credentials: "/nowhere/x.creds"}, {Cert: "/nowhere/x"},
		{Cert: "/nowhere/x", Key: "/nowhere/y"}, {CA: "/nowhere/ca"}, {URLs: "ht tp:"},
	} {
		if nc, err := Connect(o); err == nil {
			nc.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestConnectWaitsForTheServer(t *testing.T) {
	nc, err := Connect(ConnectOptions{URLs: "nats://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.IsConnected() {
		t.Fatal("connected to nobody")
	}
	if err := nc.Publish("x", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("publishing while away: %v", err)
	}
}

// A server beyond this machine needs TLS and authentication; no password is in the error.
func TestConnectRefusesPlaintext(t *testing.T) {
	for _, o := range []ConnectOptions{
		{URLs: "nats://192.0.2.1:4222"}, {URLs: "nats://fleet:hunter2@192.0.2.1:4222"}, {URLs: "tls://192.0.2.1:4222"},
		{URLs: "nats://127.0.0.1:4222,nats://fleet:hunter2@192.0.2.1:4222"}, {URLs: "nats://fleet:hunter2@h:port"},
	} {
		nc, err := Connect(o)
		if err == nil {
			nc.Close()
			t.Fatalf("%+v was accepted", o)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
	}
	nc, err := Connect(ConnectOptions{URLs: "nats://192.0.2.1:4222", Insecure: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

// A server on this machine may advertise others: a connection without TLS does not go there.
func TestConnectStaysOnThisMachine(t *testing.T) {
	for want, o := range map[bool]ConnectOptions{
		true: {}, false: {URLs: "tls://a@127.0.0.1:1"},
	} {
		opts, err := o.options()
		if err != nil {
			t.Fatal(err)
		}
		var got nats.Options
		for _, f := range opts {
			if err := f(&got); err != nil {
				t.Fatal(err)
			}
		}
		if got.IgnoreDiscoveredServers != want {
			t.Errorf("%+v: ignores others: %v", o, got.IgnoreDiscoveredServers)
		}
	}
}

// A credential or a key that everybody can read is refused.
func TestConnectRefusesOpenSecrets(t *testing.T) {
	dir := t.TempDir()
	creds := filepath.Join(dir, "creds")
	if err := os.WriteFile(creds, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	pair := rig.NewAuthority(t).Issue("127.0.0.1", time.Now().Add(time.Hour))
	if err := os.Chmod(pair.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []ConnectOptions{{Credentials: creds}, {Cert: pair.Cert, Key: pair.Key}} {
		o.Log = slog.New(slog.DiscardHandler)
		if nc, err := Connect(o); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			if err == nil {
				nc.Close()
			}
			t.Errorf("%+v: %v", o, err)
		}
		for _, path := range []string{creds, pair.Key} {
			if err := os.Chmod(path, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		nc, err := Connect(o)
		if err != nil {
			t.Errorf("of a group: %v", err)
			continue
		}
		nc.Close()
		if err := os.Chmod(pair.Key, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
