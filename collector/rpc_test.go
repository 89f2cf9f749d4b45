package collector

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/auth/verbs"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/bench/rig"
)

// secret writes a file that only its owner can read.
func secret(t testing.TB, text []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newCluster(t testing.TB) *credentials.Cluster {
	t.Helper()
	c, err := credentials.Init(filepath.Join(t.TempDir(), "keys"), "default")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// clusterNATS starts a NATS server that lets in who has a credential of a cluster.
func clusterNATS(t testing.TB, c *credentials.Cluster) (url string) {
	t.Helper()
	cert, key, err := c.Certificate([]string{"127.0.0.1"}, true)
	if err != nil {
		t.Fatal(err)
	}
	address := rig.FreePort(t)
	_, port, _ := net.SplitHostPort(address)
	o := credentials.ServerOptions{Name: "n", Host: "127.0.0.1", StoreDir: t.TempDir(),
		Certificate: secret(t, cert), Key: secret(t, key), CA: filepath.Join(c.Dir(), credentials.CAFile)}
	if _, err := fmt.Sscan(port, &o.Port); err != nil {
		t.Fatal(err)
	}
	text, err := c.ServerConfig(o)
	if err != nil {
		t.Fatal(err)
	}
	opts, err := natsserver.ProcessConfigFile(secret(t, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := natsserver.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return "tls://" + address
}

// Each verb of a node is in the table, and each kind of principal is let in as it says: a relay,
// and nobody else who has reached NATS, or tries to.
func TestVerbsByPrincipal(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	c, other := newCluster(t), newCluster(t)
	url, ca := clusterNATS(t, c), filepath.Join(c.Dir(), credentials.CAFile)
	file := func(creds []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return secret(t, creds)
	}
	own := file(c.Enroll("n1", time.Hour))
	n, err := New(Config{DataDir: t.TempDir(), AgentID: "n1", NoBPF: true, Log: quiet,
		Logs: Logs{Dirs: []string{t.TempDir()}}, NATS: bus.ConnectOptions{URLs: url, CA: ca, Credentials: own}})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(n.rpc)); !slices.Equal(got, verbs.All()) {
		t.Errorf("the node serves %v, the table has %v", got, verbs.All())
	}
	var mu sync.Mutex
	asked := map[string]int{}
	count := func(verb string) int { mu.Lock(); defer mu.Unlock(); return asked[verb] }
	for verb, h := range n.rpc {
		n.rpc[verb] = func(ctx context.Context, request []byte, s *rpc.Stream) error {
			mu.Lock()
			asked[verb]++
			mu.Unlock()
			return h(ctx, request, s)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		n.Close(context.Background())
	}()
	connect := func(creds string) *nats.Conn {
		t.Helper()
		nc, err := bus.Connect(bus.ConnectOptions{URLs: url, CA: ca, Credentials: creds, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	relay := connect(file(c.Relay("one")))
	client, err := rpc.NewClient(relay, "default")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, verb := range verbs.All() {
		need, err := verbs.Of(verb)
		if err != nil || need.Caller != verbs.Relay {
			t.Fatalf("%s: %+v, %v: this test has no such caller", verb, need, err)
		}
		rig.Eventually(t, time.Minute, func() error {
			_, err := client.Call(ctx, "n1", verb, []byte("{}"), 1<<20)
			if count(verb) == 0 {
				return fmt.Errorf("%s: a relay is not answered: %w", verb, err)
			}
			return nil
		})
	}
	for who, creds := range map[string]string{
		"the node itself": own, "another node": file(c.Enroll("n2", time.Hour)),
		"another cluster's relay": file(other.Relay("one")), "another cluster's node": file(other.Enroll("n1", time.Hour)),
		"the servers' administration": filepath.Join(c.Dir(), credentials.SystemCreds), "nobody": "",
	} {
		nc := connect(creds)
		for end := time.Now().Add(time.Second); !nc.IsConnected() && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		for _, verb := range verbs.All() {
			before := count(verb)
			for _, agent := range []string{"n1", "n2"} {
				reply := bus.ToClient("default", agent, "thief", "1")
				// It fails at once for who has no connection.
				_ = nc.PublishRequest(bus.RPC("default", "n1", verb), reply, []byte("{}"))
			}
			_ = nc.FlushTimeout(time.Second)
			// A request of a relay that comes after it is answered after it.
			_, _ = client.Call(ctx, "n1", verb, []byte("{}"), 1<<20)
			if got := count(verb); got != before+1 {
				t.Errorf("%s of %s: the node was asked %d times, want only by the relay", verb, who, got-before)
			}
		}
	}
	if _, err := verbs.Of("exec-everything"); err == nil {
		t.Error("a verb that is not in the table is allowed")
	}
}

// A collector does not connect over the network without TLS or a credential, unless it is told so;
// the doctor says the same.
func TestPlaintextIsRefused(t *testing.T) {
	for _, urls := range []string{
		"nats://u:hunter2@192.0.2.1:4222", "tls://192.0.2.1:4222", "nats://127.0.0.1,192.0.2.1",
	} {
		cfg := Config{DataDir: t.TempDir(), AgentID: "n1", NoBPF: true, Log: slog.New(slog.DiscardHandler),
			Logs: Logs{Off: true}, NATS: bus.ConnectOptions{URLs: urls}}
		n, err := New(cfg)
		if err == nil {
			n.Close(context.Background())
			t.Fatalf("%s: it started", urls)
		}
		if text := err.Error(); !strings.Contains(text, "--insecure") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %v", urls, err)
		}
		checks := checkPublish(t.Context(), cfg)
		if len(checks) == 0 || checks[0].State != health.Fail || strings.Contains(fmt.Sprint(checks), "hunter2") {
			t.Errorf("%s: %+v", urls, checks)
		}
		cfg.NATS.Insecure = true
		if n, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		if got := n.self.vals[metric.SelfInsecure]; got != 1 {
			t.Errorf("the metric is %d", got)
		}
		n.Close(context.Background())
	}
}
