package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/go-jose/go-jose/v4"
)

// put writes a file that only its owner can read.
func put(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A relay over TLS, with a policy, local users and another issuer's tokens: each proof works,
// sees what the policy says, and is in the audit log.
func TestRunWithAccess(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	keys, err := credentials.Init(filepath.Join(dir, "keys"), "c")
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := keys.Certificate([]string{"localhost", "127.0.0.1"}, true)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("secret", 8)
	data := filepath.Join(dir, "data")
	cfg := Config{
		Listen: freeAddress(t), DataDir: data, Cluster: cluster, Log: quiet,
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
		Access: Access{
			PolicyFile: put(t, filepath.Join(dir, "policy.yaml"), []byte(
				"rules:\n- {subjects: user:ann, role: viewer}\n- {subjects: group:robots, role: operator}\n"+
					"- {subjects: user:localhost, role: viewer}\n")),
			JWTKeys: []string{put(t, filepath.Join(dir, "secret"), []byte(secret+"\n"))}, JWTIssuer: "idp",
			Certificate: put(t, filepath.Join(dir, "crt"), cert), Key: put(t, filepath.Join(dir, "key"), key),
			ClientCA: filepath.Join(keys.Dir(), credentials.CAFile),
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()

	ca, err := os.ReadFile(cfg.Access.ClientCA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	overTLS := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true}}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	certified := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots,
		Certificates: []tls.Certificate{pair}}}}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(data, SocketFile))
	}
	local := &http.Client{Transport: &http.Transport{DialContext: dial}}
	send := func(c *http.Client, method, path, token, body string) (int, string, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://"+cfg.Listen+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if c == local {
			req.URL.Scheme, req.URL.Host = "http", "localhost"
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := c.Do(req)
		if err != nil {
			return 0, err.Error(), ""
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text), res.Proto
	}
	wait(t, "readiness", func() bool { code, _, _ := send(overTLS, "GET", "/readyz", "", ""); return code == 200 })

	store, err := users.Open(filepath.Join(data, users.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Add("ann", nil, "correct horse"); err != nil {
		t.Fatal(err)
	}
	login := func(password string) (int, string) {
		code, text, _ := send(overTLS, "POST", "/acs/api/v1/auth/login", "",
			fmt.Sprintf(`{"uid":"ann","password":%q}`, password))
		var answer struct{ Token string }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Errorf("%d %s", code, text)
		}
		return code, answer.Token
	}
	if code, token := login("wrong"); code != 401 || token != "" {
		t.Errorf("a wrong password: %d %s", code, token)
	}
	code, ann := login("correct horse")
	if code != 200 || ann == "" {
		t.Fatalf("login: %d", code)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(payload string) string {
		t.Helper()
		s, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	robot := sign(`{"sub":"ci","iss":"idp","groups":["robots"]}`)
	raw, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	admin := strings.TrimSpace(string(raw))
	for _, c := range []struct {
		name        string
		client      *http.Client
		path, token string
		want        int
	}{
		{"nobody", overTLS, "/api/v1/agents", "", 401},
		{"admin", overTLS, "/api/v1/agents", admin, 200},
		{"the token in the address", overTLS, "/api/v1/agents?token=" + admin, "", 401},
		{"a user", overTLS, "/api/v1/agents", ann, 200},
		{"a user, too much", overTLS, "/api/v1/sinks/x/dead", ann, 403},
		{"another issuer's", overTLS, "/api/v1/agents", robot, 200},
		{"another issuer's, an operator", overTLS, "/api/v1/sinks/x/dead", robot, 501},
		{"of an issuer that is not asked for", overTLS, "/api/v1/agents", sign(`{"sub":"ci","groups":["robots"]}`), 401},
		{"nobody's group", overTLS, "/api/v1/agents", sign(`{"sub":"eve","iss":"idp"}`), 403},
		{"a certificate", certified, "/api/v1/agents", "", 200},
		{"a certificate, too much", certified, "/api/v1/sinks/x/dead", "", 403},
		{"the unix socket", local, "/api/v1/sinks/x/dead", "", 501},
	} {
		if code, text, _ := send(c.client, "GET", c.path, c.token, ""); code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, code, c.want, text)
		}
	}
	if _, _, proto := send(overTLS, "GET", "/healthz", "", ""); proto != "HTTP/2.0" {
		t.Error(proto)
	}
	if err := store.Remove("ann"); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := send(overTLS, "GET", "/api/v1/agents", ann, ""); code != 401 {
		t.Errorf("a removed user: %d", code)
	}
	states := map[string]health.State{}
	for _, c := range Doctor(t.Context(), cfg) {
		states[c.Name] = c.State
		if c.State == health.Fail {
			t.Errorf("%+v", c)
		}
	}
	if states["policy"] != health.OK || states["tls"] != health.OK || states["relay address"] != health.OK {
		t.Errorf("the doctor says %v", states)
	}
	_, text, _ := send(local, "GET", "/metrics", "", "")
	for _, family := range []string{
		"daytwo_audit_lines_total", "daytwo_tls_certificate_expiry_seconds", "daytwo_policy_config_ok 1",
	} {
		if !strings.Contains(text, family) {
			t.Errorf("no %s", family)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(filepath.Join(data, audit.Dir))
	if err != nil || report.Lines < 6 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := audit.Read(filepath.Join(data, audit.Dir), func(r audit.Record) error {
		line, err := json.Marshal(r)
		if strings.Contains(string(line), admin) || strings.Contains(string(line), "correct horse") {
			t.Errorf("a secret: %s", line)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// A relay does not start with a policy, a key or a certificate that cannot be used.
func TestRunRefusesAccess(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	authority := rig.NewAuthority(t)
	pair, expired := authority.Issue("a", time.Now().Add(time.Hour)), authority.Issue("b", time.Now().Add(-time.Minute))
	for name, a := range map[string]Access{
		"no policy":              {PolicyFile: filepath.Join(dir, "none")},
		"broken policy":          {PolicyFile: file("broken", "rules: [{subjects: ann}]", 0o600)},
		"policy of everybody":    {PolicyFile: file("open", "rules: [{subjects: user:a, role: own}]", 0o666)},
		"secret of everybody":    {JWTKeys: []string{file("secret", strings.Repeat("s", 40), 0o644)}},
		"keys without TLS":       {JWTKeys: []string{"http://idp.example/keys"}},
		"no certificate":         {Certificate: filepath.Join(dir, "none"), Key: filepath.Join(dir, "none")},
		"an expired certificate": {Certificate: expired.Cert, Key: expired.Key},
		"key of everybody":       {Certificate: pair.Cert, Key: file("open-key", read(pair.Key), 0o644)},
		"certificate is a key":   {Certificate: file("crt", "x", 0o600), Key: file("key", "x", 0o600)},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // so that Run ends at once if it does not refuse
		err := Run(ctx, Config{DataDir: t.TempDir(), Listen: freeAddress(t), Access: a, Log: quiet})
		if err == nil {
			t.Errorf("%s: it started", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Run(ctx, Config{DataDir: t.TempDir(), Listen: freeAddress(t), Log: quiet,
		TokenFile: file("token", strings.Repeat("t", 40), 0o644)})
	if err == nil || !strings.Contains(err.Error(), "everybody can read") {
		t.Errorf("token of everybody: %v", err)
	}
}
