package relay

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/join"
	"github.com/daytwo/daytwo/api/v1"
)

// keyed is a relay with the keys of a cluster, over TLS, and a NATS server that only lets in
// whoever has a credential made with them.
type keyed struct {
	*testing.T
	dir  string
	keys *credentials.Cluster
	nats string
	cfg  Config
}

// newKeyed starts them. valid is how long credentials of nodes are.
func newKeyed(t *testing.T, valid time.Duration) *keyed {
	t.Helper()
	k := &keyed{T: t, dir: t.TempDir()}
	var err error
	if k.keys, err = credentials.Init(filepath.Join(k.dir, "keys"), cluster); err != nil {
		t.Fatal(err)
	}
	put := func(name string, text []byte) string {
		path := filepath.Join(k.dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key, err := k.keys.Certificate([]string{"127.0.0.1"}, false)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := put("tls.crt", cert), put("tls.key", key)
	ca := filepath.Join(k.keys.Dir(), credentials.CAFile)
	conf, err := k.keys.ServerConfig(credentials.ServerOptions{Name: "n1", Host: "127.0.0.1",
		StoreDir: filepath.Join(k.dir, "nats"), Certificate: certFile, Key: keyFile, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := embedded.Start(embedded.Options{StoreDir: filepath.Join(k.dir, "nats"), Listen: "127.0.0.1:0",
		Config: conf, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(strings.SplitN(srv.URL(), "://", 2)[1])
	if err != nil {
		t.Fatal(err)
	}
	k.nats = "tls://127.0.0.1:" + port
	creds, err := k.keys.Relay("test")
	if err != nil {
		t.Fatal(err)
	}
	k.cfg = Config{
		Listen: freeAddress(t), DataDir: filepath.Join(k.dir, "relay"), Cluster: cluster, Log: quiet,
		Access: Access{Certificate: certFile, Key: keyFile}, Keys: Keys{Dir: k.keys.Dir(), Valid: valid},
		NATS: bus.ConnectOptions{URLs: k.nats, CA: ca, Credentials: put("relay.creds", creds), Log: quiet},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, k.cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return k
}

// admin returns a client with all rights, once the relay answers.
func (k *keyed) admin() *client.Client {
	k.Helper()
	cl := client.Socket(filepath.Join(k.cfg.DataDir, SocketFile))
	wait(k.T, "the relay answers", func() bool { _, err := cl.Agents(k.Context()); return err == nil })
	return cl
}

func (k *keyed) codes(cl *client.Client, q v1.EnrollCodesRequest) []string {
	k.Helper()
	codes, err := cl.EnrollCodes(k.Context(), q)
	if err != nil {
		k.Fatal(err)
	}
	return codes.Codes
}

func (k *keyed) join(code, agent, data string) (*join.Node, error) {
	return join.Join(k.Context(), join.Options{Relay: "https://" + k.cfg.Listen, Code: code, Agent: agent, Data: data,
		Log: quiet})
}

// connect connects a node.
func (k *keyed) connect(n *join.Node) *nats.Conn {
	k.Helper()
	nc, err := bus.Connect(bus.ConnectOptions{URLs: strings.Join(n.Servers, ","), CA: n.CA, Credentials: n.Credentials,
		Agent: n.AgentID, Log: quiet})
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(nc.Close)
	wait(k.T, "the node is connected", nc.IsConnected)
	return nc
}

// A machine with a code and the relay's URL becomes a node, and is out within 5 s of its
// revocation.
func TestEnroll(t *testing.T) {
	k := newKeyed(t, time.Hour)
	cl := k.admin()
	codes := k.codes(cl, v1.EnrollCodesRequest{Count: 2, Expires: 60})
	other, err := credentials.Init(filepath.Join(k.dir, "other"), "other")
	if err != nil {
		t.Fatal(err)
	}
	foreign, _, err := other.NewCodes(1, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(k.dir, "node")
	var unknown x509.UnknownAuthorityError
	if _, err := k.join(foreign[0], "a", data); !errors.As(err, &unknown) {
		t.Errorf("the code of another cluster: the relay is trusted: %v", err)
	}
	secret, _, _ := strings.Cut(foreign[0], "-")
	_, pin, _ := strings.Cut(codes[0], "-")
	if _, err := k.join(secret+"-"+pin, "a", data); err == nil || !client.Refused(err) ||
		!strings.Contains(err.Error(), "enrolment code is wrong") {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := join.Load(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not enrolled, and yet: %v", err)
	}
	n, err := k.join(codes[0], "a", data)
	if err != nil {
		t.Fatal(err)
	}
	if n.Cluster != cluster || n.AgentID != "a" || len(n.Servers) != 1 || n.Servers[0] != k.nats {
		t.Errorf("%+v", n)
	}
	if st, err := os.Stat(n.Credentials); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if _, err := k.join(codes[0], "b", filepath.Join(k.dir, "second")); !client.Refused(err) {
		t.Errorf("a code that was used: %v", err)
	}
	if _, err := k.join(codes[1], "a", filepath.Join(k.dir, "third")); !client.Refused(err) {
		t.Errorf("another machine with the name of a node: %v", err)
	}
	again, err := join.Ensure(t.Context(), join.Options{Data: data, Log: quiet})
	if err != nil || again.AgentID != "a" {
		t.Errorf("%+v, %v", again, err)
	}
	nc := k.connect(n)
	start := time.Now()
	done, err := cl.RevokeNode(t.Context(), "a")
	if err != nil || done.Revoked != 1 || done.Servers != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	wait(t, "the node is out", func() bool { return !nc.IsConnected() })
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("after %v", took)
	} else {
		t.Logf("out after %v", took)
	}
	if _, err := cl.RevokeNode(t.Context(), "nobody"); !client.NotFound(err) {
		t.Error(err)
	}
	nodes, err := cl.EnrolledNodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Revoked == nil || nodes[0].Expires == nil {
		t.Errorf("%+v, %v", nodes, err)
	}
	k.audited("POST /api/v1/enroll a allowed", "POST /api/v1/enroll a refused", "POST /api/v1/enroll b refused",
		"POST /api/v1/enroll/codes  allowed", "POST /api/v1/enroll/nodes/a/revoke  allowed")
}

// audited fails unless the audit log has lines with what, object and decision.
func (k *keyed) audited(lines ...string) {
	k.Helper()
	seen := map[string]bool{}
	err := audit.Read(filepath.Join(k.cfg.DataDir, audit.Dir), func(r audit.Record) error {
		seen[r.What+" "+r.Object+" "+r.Decision] = true
		return nil
	})
	if err != nil {
		k.Fatal(err)
	}
	for _, l := range lines {
		if !seen[l] {
			k.Errorf("the audit log has no %q: %v", l, seen)
		}
	}
}

// Whoever guesses codes has to wait.
func TestEnrollThrottled(t *testing.T) {
	k := newKeyed(t, time.Hour)
	cl := k.admin()
	code := k.codes(cl, v1.EnrollCodesRequest{Count: 1, Expires: 60})[0]
	_, pin, _ := strings.Cut(code, "-")
	wrong := strings.Repeat("A", 26) + "-" + pin
	var e *client.Error
	for i := range 10 {
		_, err := k.join(wrong, "a", filepath.Join(k.dir, "node"))
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Status == 429 {
			t.Logf("after %d attempts: %v", i, err)
			return
		}
	}
	t.Errorf("ten guesses without a wait: %v", e)
}

// A node whose credential is valid for seconds renews it by itself, and is connected much
// longer than that.
func TestRenewal(t *testing.T) {
	k := newKeyed(t, 6*time.Second)
	cl := k.admin()
	n, err := k.join(k.codes(cl, v1.EnrollCodesRequest{Count: 1, Expires: 60})[0], "a", filepath.Join(k.dir, "node"))
	if err != nil {
		t.Fatal(err)
	}
	nc := k.connect(n)
	r := &join.Renewer{Conn: nc, Cluster: cluster, Agent: "a", File: n.Credentials, Log: quiet}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go r.Run(ctx)
	_, first, err := join.Validity(n.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	wait(t, "the credential is renewed three times", func() bool {
		now, err = r.State()
		return err == nil && now.Sub(first) > 8*time.Second
	})
	for end := first.Add(8 * time.Second); time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	wait(t, "the node is connected with a new credential", func() bool {
		m, err := nc.Request(bus.Frames(cluster, "a", 16), []byte("x"), time.Second)
		return err == nil && strings.Contains(string(m.Data), `"seq"`)
	})
	list, err := k.keys.Nodes()
	if err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	// One that is revoked gets nothing.
	if _, err := cl.RevokeNode(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wait(t, "no renewal", func() bool { _, err := r.State(); return err != nil })
	_, err = r.State()
	t.Log(err)
}
