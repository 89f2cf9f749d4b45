package credentials

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

func system(t testing.TB, c *Cluster) []byte {
	t.Helper()
	creds, err := os.ReadFile(c.path(SystemCreds))
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// Three servers are one cluster, with streams of three copies; a revoked node is out of each
// at once, and stays out.
func TestRevoke(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	urls := servers(t, c, 3)
	admin := connected(t, connect(t, c, strings.Join(urls, ","), relay(t, c), ""))
	js, err := jetstream.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stream of three copies", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = bus.EnsureStream(ctx, js, bus.Config{Cluster: cluster, MaxBytes: 1 << 20, Replicas: 3})
		return err == nil
	})
	creds := enroll(t, c, "a", 0)
	a, b := connect(t, c, urls[1], creds, "a"), connect(t, c, urls[2], enroll(t, c, "b", time.Hour), "b")
	connected(t, a)
	connected(t, b)
	if m, err := a.Request(bus.Frames(cluster, "a", 16), []byte("x"), 10*time.Second); err != nil ||
		!strings.Contains(string(m.Data), `"seq"`) {
		t.Fatal(err)
	}
	if n, err := c.Revoke("a"); err != nil || n != 1 {
		t.Fatalf("%d revoked, %v", n, err)
	}
	sys := connected(t, connect(t, c, urls[0], system(t, c), ""))
	start := time.Now()
	if n, err := c.Push(sys, 5*time.Second); err != nil || n != 3 {
		t.Fatalf("%d servers, %v", n, err)
	}
	eventually(t, "the node is out", func() bool { return !a.IsConnected() })
	t.Logf("out after %v", time.Since(start))
	for _, url := range urls {
		nc := connect(t, c, url, creds, "a")
		time.Sleep(200 * time.Millisecond)
		if nc.IsConnected() {
			t.Errorf("%s lets it in again", url)
		}
	}
	if !b.IsConnected() {
		t.Error("another node is out too")
	}
	// It may come back with a new credential.
	connected(t, connect(t, c, urls[0], enroll(t, c, "a", time.Hour), "a"))

	list, err := c.Nodes()
	if err != nil || len(list) != 3 || list[0].Revoked == nil || list[1].Revoked != nil {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := c.Revoke("unknown"); !errors.Is(err, ErrUnknownNode) {
		t.Error(err)
	}
}

// CASES X-A5: a credential that expires is replaced in its file, and the connection comes
// back by itself.
func TestExpiredCredential(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	urls := servers(t, c, 1)
	path := filepath.Join(t.TempDir(), "creds")
	put(t, path, enroll(t, c, "a", 3*time.Second))
	nc, err := bus.Connect(bus.ConnectOptions{URLs: urls[0], Agent: "a", CA: c.path(CAFile), Credentials: path})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	connected(t, nc)
	eventually(t, "the credential expires", func() bool { return !nc.IsConnected() })
	time.Sleep(3 * time.Second) // some reconnects are refused
	if nc.IsConnected() || nc.IsClosed() {
		t.Fatalf("connected %v, closed %v", nc.IsConnected(), nc.IsClosed())
	}
	put(t, path+".new", enroll(t, c, "a", time.Hour))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	connected(t, nc)
}

func TestSign(t *testing.T) {
	c := newCluster(t)
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is a renewal
		if _, err := c.Sign("a", key, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := c.Nodes(); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := c.Sign("b", key, time.Hour); err == nil {
		t.Error("one key for two agents")
	}
	if revoked, err := c.Revoked(key); err != nil || revoked {
		t.Error(revoked, err)
	}
	if _, err := c.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sign("a", key, time.Hour); err == nil {
		t.Error("a revoked key is renewed")
	}
	if revoked, err := c.Revoked(key); err != nil || !revoked {
		t.Error(revoked, err)
	}
	account, err := c.account.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", account} {
		if _, err := c.Sign("c", bad, time.Hour); err == nil {
			t.Errorf("%q is signed", bad)
		}
	}
}

func TestOpen(t *testing.T) {
	c := newCluster(t)
	again, err := Open(c.Dir())
	if err != nil || again.Name() != cluster {
		t.Fatalf("%v, %v", again, err)
	}
	if _, err := Init(c.Dir(), cluster); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("made twice: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "daytwo cluster init") {
		t.Errorf("an empty directory: %v", err)
	}
	// Nobody else reads a secret.
	for _, name := range []string{operatorSeed, accountSeed, systemSeed, caKeyFile, SystemCreds} {
		st, err := os.Stat(c.path(name))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	if err := os.Chmod(c.path(accountSeed), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c.Dir()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

// The configuration of a server has nothing that a thief could use.
func TestServerConfigHasNoSecret(t *testing.T) {
	c := newCluster(t)
	text, err := c.ServerConfig(ServerOptions{Name: "n1", Host: "nats-1.example", Routes: []string{"nats-2.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []nkeys.KeyPair{c.operator, c.account, c.system} {
		seed, err := k.Seed()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, string(seed)) {
			t.Error("it has a seed")
		}
	}
	if !strings.Contains(text, `"nats-route://nats-2.example:6222"`) {
		t.Error(text)
	}
}
