package up

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/bench/rig"
)

// With an address for other machines the server lets in who has a credential of the cluster's
// keys, over TLS, and the programs of this process; nobody else.
func TestServerForOtherMachines(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := config(t)
	c.Cluster, c.NATSListen = "lab", rig.FreePort(t)
	got := make(chan cli.Config, 1)
	inside := make(chan error, 1)
	ran := make(chan error, 1)
	go func() {
		ran <- Run(ctx, c, nil, Program{Name: "relay", Run: func(ctx context.Context, c cli.Config,
			server nats.InProcessConnProvider) error {
			nc, err := bus.Connect(bus.ConnectOptions{InProcess: server, Credentials: c.NATSCreds})
			if err == nil {
				defer nc.Close()
				err = nc.FlushTimeout(10 * time.Second)
			}
			inside <- err
			got <- c
			<-ctx.Done()
			return nil
		}})
	}()
	if err := <-inside; err != nil {
		t.Fatalf("in this process: %v", err)
	}
	c = <-got
	keys, err := credentials.Open(filepath.Join(c.Data, keysDir))
	if err != nil || keys.Name() != "lab" || c.ClusterKeys != keys.Dir() {
		t.Fatalf("%v, %+v", err, c)
	}
	if !slices.Equal(c.NATSAdvertise, []string{"tls://" + c.NATSListen}) {
		t.Errorf("%q", c.NATSAdvertise)
	}
	creds, err := keys.Enroll("a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "creds")
	if err := os.WriteFile(file, creds, 0o600); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(keys.Dir(), credentials.CAFile)
	nc, err := bus.Connect(bus.ConnectOptions{URLs: c.NATSAdvertise[0], CA: ca, Credentials: file, Agent: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.FlushTimeout(10 * time.Second); err != nil {
		t.Errorf("a node: %v", err)
	}
	if stranger, err := nats.Connect(c.NATSAdvertise[0], nats.RootCAs(ca)); err == nil {
		stranger.Close()
		t.Error("one without a credential is let in")
	}
	conn, err := net.Dial("tcp", c.NATSListen)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	info := make([]byte, 4096)
	n, err := conn.Read(info)
	if err != nil || !strings.Contains(string(info[:n]), `"tls_required":true`) {
		t.Errorf("%v: %s", err, info[:n])
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	all := names("0.0.0.0", []string{"tls://nats.example:4222", "tls://:4222", "tls://[2001:db8::1]:4222"})
	for _, want := range []string{"nats.example", "localhost", "127.0.0.1", "2001:db8::1"} {
		if !slices.Contains(all, want) {
			t.Errorf("%q has no %s", all, want)
		}
	}
	if slices.Contains(all, "0.0.0.0") || slices.Contains(all, "") {
		t.Errorf("%q", all)
	}
}
