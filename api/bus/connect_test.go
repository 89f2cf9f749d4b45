package bus

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
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
