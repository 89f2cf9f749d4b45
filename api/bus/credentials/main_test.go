package credentials

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestMain(m *testing.M) { rig.Main(m) }

const cluster = "test"

func newCluster(t testing.TB) *Cluster {
	t.Helper()
	c, err := Init(filepath.Join(t.TempDir(), "keys"), cluster)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t testing.TB, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// freePorts returns ports on which nobody listens.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// servers starts real NATS servers with the configuration of the cluster, and returns their
// URLs. They are one NATS cluster if there are several: on addresses of their own, since all
// use the same port for one another.
func servers(t testing.TB, c *Cluster, n int) (urls []string) {
	t.Helper()
	ports := freePorts(t, 2)
	for i := range n {
		dir := t.TempDir()
		host := fmt.Sprintf("127.0.0.%d", i+1)
		cert, key, err := c.Certificate([]string{"localhost", host}, true)
		if err != nil {
			t.Fatal(err)
		}
		o := ServerOptions{
			Name: fmt.Sprint("n", i+1), Host: host, Port: ports[0], RoutePort: ports[1], StoreDir: dir,
			Certificate: put(t, filepath.Join(dir, "crt"), cert), Key: put(t, filepath.Join(dir, "key"), key),
			CA: c.path(CAFile),
		}
		for k := range n {
			if n > 1 && k != i {
				o.Routes = append(o.Routes, fmt.Sprintf("127.0.0.%d", k+1))
			}
		}
		text, err := c.ServerConfig(o)
		if err != nil {
			t.Fatal(err)
		}
		opts, err := server.ProcessConfigFile(put(t, filepath.Join(dir, "nats.conf"), []byte(text)))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		opts.NoSigs, opts.NoLog = true, true
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		urls = append(urls, fmt.Sprintf("tls://%s:%d", host, ports[0]))
		defer func() {
			if !s.ReadyForConnections(20 * time.Second) {
				t.Fatal("a server is not ready")
			}
		}()
	}
	return urls
}

// connect connects with a credential file, as the programs do.
func connect(t testing.TB, c *Cluster, urls string, creds []byte, agent string) *nats.Conn {
	t.Helper()
	nc, err := bus.Connect(bus.ConnectOptions{
		URLs: urls, Agent: agent, CA: c.path(CAFile), Log: slog.New(slog.DiscardHandler),
		Credentials: put(t, filepath.Join(t.TempDir(), "creds"), creds),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// connected waits until a connection is up.
func connected(t testing.TB, nc *nats.Conn) *nats.Conn {
	t.Helper()
	eventually(t, "a connection", nc.IsConnected)
	return nc
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func relay(t testing.TB, c *Cluster) []byte {
	t.Helper()
	creds, err := c.Relay("one")
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func enroll(t testing.TB, c *Cluster, agent string, valid time.Duration) []byte {
	t.Helper()
	creds, err := c.Enroll(agent, valid)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}
