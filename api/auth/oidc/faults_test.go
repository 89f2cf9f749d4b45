package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// hostile is a provider that does what a real one does not.
type hostile struct {
	*httptest.Server
	t      *testing.T
	key    *ecdsa.PrivateKey
	answer map[string]http.HandlerFunc // by path, instead of the usual ones
	claims map[string]any              // of the ID token, nil values are left out
	user   map[string]any              // what UserInfo says
	doc    map[string]any              // changes of the discovery document
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{t: t, key: key}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	t.Cleanup(h.CloseClientConnections)
	return h
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := h.answer[r.URL.Path]; f != nil {
		f(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := map[string]any{"issuer": h.URL, "authorization_endpoint": h.URL + "/auth", "token_endpoint": h.URL + "/token",
			"jwks_uri": h.URL + "/keys", "userinfo_endpoint": h.URL + "/userinfo",
			"device_authorization_endpoint": h.URL + "/device"}
		maps.Copy(doc, h.doc)
		h.write(w, doc)
	case "/keys":
		h.write(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: h.key.Public(), KeyID: "1", Algorithm: "ES256"}}})
	case "/token":
		h.write(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": h.sign()})
	case "/userinfo":
		h.write(w, h.user)
	case "/device":
		h.write(w, map[string]any{"device_code": "d", "user_code": "u", "verification_uri": h.URL + "/v"})
	default:
		http.NotFound(w, r)
	}
}

func (h *hostile) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		h.t.Error(err)
	}
}

func (h *hostile) sign() string {
	o := new(jose.SignerOptions).WithHeader("kid", "1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: h.key}, o)
	if err != nil {
		h.t.Error(err)
		return ""
	}
	c := map[string]any{"iss": h.URL, "aud": "daytwo", "sub": "ann", "exp": time.Now().Add(time.Minute).Unix(),
		"iat": time.Now().Unix(), "groups": []string{"shop"}}
	for name, value := range h.claims {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	payload, err := json.Marshal(c)
	if err != nil {
		h.t.Error(err)
	}
	s, err := signer.Sign(payload)
	if err != nil {
		h.t.Error(err)
		return ""
	}
	text, err := s.CompactSerialize()
	if err != nil {
		h.t.Error(err)
	}
	return text
}

// finish signs a browser in, with the nonce that it has in the ID token.
func (h *hostile) finish(p *Provider) (*Outcome, error) {
	h.t.Helper()
	location, keep, err := p.Start(callback, nil)
	if err != nil {
		return new(Outcome), err
	}
	u, err := url.Parse(location)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, ok := h.claims["nonce"]; !ok {
		h.claims["nonce"] = u.Query().Get("nonce")
	}
	return p.Finish(h.t.Context(), keep, url.Values{"state": {u.Query().Get("state")}, "code": {"c"}})
}

// What an ID token must be is checked, whatever the provider signs.
func TestClaims(t *testing.T) {
	for name, c := range map[string]struct {
		claims, user map[string]any
		name         []string
		want         string // reason, or the name and the groups
	}{
		"a good one": {want: "ann [shop]"},
		"two audiences": {claims: map[string]any{"aud": []string{"x", "daytwo"}, "azp": "daytwo"},
			want: "ann [shop]"},
		"for another client":       {claims: map[string]any{"aud": "x"}, want: "refused"},
		"for another party":        {claims: map[string]any{"aud": []string{"x", "daytwo"}, "azp": "x"}, want: "refused"},
		"of another issuer":        {claims: map[string]any{"iss": "https://evil.test"}, want: "refused"},
		"expired":                  {claims: map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}, want: "refused"},
		"of another browser":       {claims: map[string]any{"nonce": "x"}, want: "refused"},
		"without a nonce":          {claims: map[string]any{"nonce": nil}, want: "refused"},
		"without a user":           {claims: map[string]any{"sub": nil}, want: "refused"},
		"of a user with a newline": {claims: map[string]any{"sub": "ann\nadmin"}, want: "refused"},
		"groups from elsewhere": {claims: map[string]any{"groups": nil}, user: map[string]any{"sub": "ann",
			"groups": []string{"ops"}}, want: "ann [ops]"},
		"groups of somebody else": {claims: map[string]any{"groups": nil}, user: map[string]any{"sub": "eve",
			"groups": []string{"ops"}}, want: "refused"},
		"groups of nobody": {claims: map[string]any{"groups": nil}, user: map[string]any{"groups": []string{"ops"}},
			want: "refused"},
		"the ID token counts first": {claims: map[string]any{"groups": nil, "email": "a@x"}, name: []string{"email"},
			user: map[string]any{"sub": "ann", "email": "b@x", "groups": "ops"}, want: "a@x [ops]"},
		"groups that are numbers": {claims: map[string]any{"groups": []int{1}}, want: "refused"},
		"an address":              {claims: map[string]any{"email": "a@x"}, name: []string{"email"}, want: "a@x [shop]"},
		"a verified one": {claims: map[string]any{"email": "a@x", "email_verified": true}, name: []string{"email"},
			want: "a@x [shop]"},
		"of somebody else": {claims: map[string]any{"email": "a@x", "email_verified": false}, name: []string{"email"},
			want: "refused"},
		"the address is not the name": {claims: map[string]any{"email": "a@x", "email_verified": false}, want: "ann [shop]"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			h.claims, h.user = c.claims, c.user
			if h.claims == nil {
				h.claims = map[string]any{}
			}
			p, who := run(t, Options{Issuer: h.URL, Name: c.name})
			p.discovered(t)
			o, err := h.finish(p)
			got := ""
			var f *Failure
			switch {
			case errors.As(err, &f):
				got = string(f.Reason)
			case err != nil:
				got = err.Error()
			default:
				id := who(o.Token)
				got = fmt.Sprintf("%s %v", id.Name, id.Groups)
			}
			if got != c.want {
				t.Errorf("%s, want %s: %v", got, c.want, err)
			}
		})
	}
}

// A provider that is slow, endless, or somebody else costs little, and ends in time.
func TestFaults(t *testing.T) {
	slow := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client goes
		<-r.Context().Done()
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"`)
		for chunk := []byte(strings.Repeat("x", 1<<16)); err == nil; {
			_, err = w.Write(chunk)
		}
	}
	html := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>"+strings.Repeat("busy ", 1000)) }
	failed := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, strings.Repeat("busy ", 1000), 500) }
	var leaked atomic.Bool
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.FormValue("client_secret") != "" {
			leaked.Store(true)
		}
	}))
	t.Cleanup(evil.Close)
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, evil.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}
	secret := func() (string, error) { return "secret", nil }
	for kind, fault := range map[string]http.HandlerFunc{
		"slow": slow, "endless": endless, "html": html, "failed": failed, "elsewhere": elsewhere,
	} {
		for _, path := range []string{"/.well-known/openid-configuration", "/keys", "/token", "/userinfo", "/device"} {
			t.Run(kind+path, func(t *testing.T) {
				h := newHostile(t)
				h.claims = map[string]any{"groups": nil}
				h.answer = map[string]http.HandlerFunc{path: fault}
				p, _ := run(t, Options{Issuer: h.URL, Secret: secret, Timeout: 300 * time.Millisecond})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				began := time.Now()
				var err error
				if path == "/.well-known/openid-configuration" {
					err = p.Check(t.Context())
				} else {
					p.discovered(t)
				}
				if path == "/device" {
					_, err = p.Device(t.Context())
				}
				if err == nil {
					_, err = h.finish(p)
				}
				if err == nil || len(err.Error()) > 2*maxError {
					t.Errorf("%v", err)
				}
				if d := time.Since(began); d > 5*time.Second {
					t.Errorf("it took %v", d)
				}
				runtime.ReadMemStats(&after)
				if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
					t.Errorf("it took %d bytes", n)
				}
			})
		}
	}
	if leaked.Load() {
		t.Error("the client's secret goes elsewhere")
	}
}

// Discovery refuses endpoints over which secrets would be sent in the clear.
func TestDiscoveryRefuses(t *testing.T) {
	for name, doc := range map[string]map[string]any{
		"another issuer":             {"issuer": "https://evil.test"},
		"no keys":                    {"jwks_uri": nil},
		"keys without TLS":           {"jwks_uri": "http://evil.test/keys"},
		"no token endpoint":          {"token_endpoint": ""},
		"token endpoint without TLS": {"token_endpoint": "http://evil.test/token"},
		"pages without TLS":          {"authorization_endpoint": "http://evil.test/auth"},
		"a script for a page":        {"authorization_endpoint": "javascript:alert(1)"},
		"devices without TLS":        {"device_authorization_endpoint": "http://evil.test/device"},
		"users without TLS":          {"userinfo_endpoint": "http://evil.test/userinfo"},
	} {
		h := newHostile(t)
		h.doc = doc
		p, _ := run(t, Options{Issuer: h.URL})
		if err := p.Check(t.Context()); err == nil {
			t.Errorf("%s: it is used", name)
		}
	}
}

// What anybody can cause at the provider is limited.
func TestLimit(t *testing.T) {
	h := newHostile(t)
	var requests atomic.Int64
	h.answer = map[string]http.HandlerFunc{"/device": func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		http.Error(w, "no", http.StatusBadRequest)
	}}
	p, _ := run(t, Options{Issuer: h.URL})
	p.discovered(t)
	for range 500 {
		if _, err := p.Device(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	if _, _, err := p.Poll(t.Context(), "d"); err != Wait(SlowDown) {
		t.Error(err)
	}
	if n := requests.Load(); n < mostAtOnce || n > 3*mostAtOnce {
		t.Errorf("%d of 500 requests reach the provider", n)
	}
}
