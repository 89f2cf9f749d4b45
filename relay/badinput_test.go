package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
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

	"github.com/go-jose/go-jose/v4"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/bus"
)

// CASES X-A3, X-A4 and X-A9, of a running relay: an issuer that is away at the start, bad tokens
// over HTTP, which are all answered alike, and a policy that breaks while it is in use.
func TestBadInput(t *testing.T) {
	b := newBroker(t)
	data := t.TempDir()
	issuerAt := freeAddress(t)
	policyFile := filepath.Join(t.TempDir(), "policy.yaml")
	good := []byte("rules:\n- {subjects: user:ann, role: viewer}\n")
	put(t, policyFile, good)
	token := strings.Repeat("admin-token", 3)
	put(t, filepath.Join(data, "token"), []byte(token+"\n"))
	cfg := Config{
		Listen: freeAddress(t), DataDir: data, Cluster: cluster, Log: quiet,
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
		Access: Access{PolicyFile: policyFile, JWTKeys: []string{"http://" + issuerAt + "/keys"}, JWTIssuer: "idp",
			JWTAudience: "daytwo"},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	get := func(path string, authorization ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequest("GET", "http://"+cfg.Listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Authorization"] = authorization
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}

	// The issuer is away: the relay says so, and lets in those who need no issuer.
	wait(t, "the keys are waited for", func() bool {
		code, text := get("/readyz")
		return code == 503 && strings.Contains(text, issuerAt) && !strings.Contains(text, "frames")
	})
	if code, text := get("/api/v1/agents", "Bearer "+token); code != 200 {
		t.Errorf("the admin, while the issuer is away: %d %s", code, text)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", issuerAt)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})}
	go func() { _ = issuer.Serve(l) }()
	defer issuer.Close()
	wait(t, "readiness", func() bool { code, _ := get("/readyz"); return code == 200 })

	sign := func(alg jose.SignatureAlgorithm, key any, kid, claims string) string {
		t.Helper()
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, new(jose.SignerOptions).WithHeader("kid", kid))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	claims := func(more string) string { return `{"sub":"ann","iss":"idp","aud":["x","daytwo"]` + more + `}` }
	valid := sign(jose.RS256, key, "k", claims(""))
	if code, text := get("/api/v1/agents", "Bearer "+valid); code != 200 {
		t.Fatalf("a valid token: %d %s", code, text)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	now := time.Now().Unix()
	_, alike := get("/api/v1/agents", "Bearer x.y.z")
	for name, tokens := range map[string][]string{
		"alg none":                {b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(claims(""))) + "."},
		"public key as a secret":  {sign(jose.HS256, []byte(b64(key.PublicKey.N.Bytes())), "k", claims(""))},
		"a key that is too small": {sign(jose.RS256, small, "k", claims(""))},
		"an unknown key":          {sign(jose.ES256, other, "other", claims(""))},
		"a path as key id":        {sign(jose.RS256, key, "../../../k", claims(""))},
		"a URL as key id":         {sign(jose.RS256, key, "http://"+issuerAt+"/keys", claims(""))},
		"expired":                 {sign(jose.RS256, key, "k", claims(fmt.Sprintf(`,"exp":%d`, now-60)))},
		"not yet valid":           {sign(jose.RS256, key, "k", claims(fmt.Sprintf(`,"nbf":%d`, now+60)))},
		"another audience":        {sign(jose.RS256, key, "k", `{"sub":"ann","iss":"idp","aud":"other"}`)},
		"no audience":             {sign(jose.RS256, key, "k", `{"sub":"ann","iss":"idp"}`)},
		"another issuer":          {sign(jose.RS256, key, "k", `{"sub":"ann","iss":"idp2","aud":"daytwo"}`)},
		"two headers":             {valid, valid},
		"long":                    {strings.Repeat("x.", 10<<10) + "x"},
		"a dot less":              {strings.Replace(valid, ".", "", 1)},
		"cut":                     {valid[:len(valid)-1]},
	} {
		var headers []string
		for _, token := range tokens {
			headers = append(headers, "Bearer "+token)
		}
		if code, text := get("/api/v1/agents", headers...); code != 401 || text != alike {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	if code, _ := get("/api/v1/agents", "Bearer "+strings.Repeat("x", 1<<20)); code != 431 && code != 401 {
		t.Errorf("a megabyte: %d", code)
	}

	// A policy that breaks, or is gone, changes nothing, and both the metric and the audit log say so.
	says := func(ok int) bool {
		_, text := get("/metrics", "Bearer "+token)
		return strings.Contains(text, fmt.Sprintf("\ndaytwo_policy_config_ok %d\n", ok))
	}
	for _, bad := range []string{
		"rules:\n- {subjects: user:ann, rol", "rules:\n- {subjects: user:ann, role: vewer}\n", "", "-",
	} {
		if bad == "-" {
			if err := os.Remove(policyFile); err != nil {
				t.Fatal(err)
			}
		} else {
			put(t, policyFile, []byte(bad))
		}
		wait(t, "the metric says so", func() bool { return says(0) })
		if code, text := get("/api/v1/agents", "Bearer "+valid); code != 200 {
			t.Errorf("after %q: %d %s", bad, code, text)
		}
		put(t, policyFile, good)
		wait(t, "the policy is well again", func() bool { return says(1) })
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	said := 0
	if err := audit.Read(filepath.Join(data, audit.Dir), func(r audit.Record) error {
		if r.What == "a new policy is refused" && r.Decision == audit.Refused && r.Error != "" {
			said++
		}
		return nil
	}); err != nil || said < 4 {
		t.Errorf("the audit log has %d refused policies, %v", said, err)
	}
}
