package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sys/unix"
)

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	return must(t, k, err)
}

func ecKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	return must(t, k, err)
}

// jwk returns a key as JSON, with more members or other values for them.
func jwk(t testing.TB, id string, key any, more ...string) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: id})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	b, err = json.Marshal(m)
	return string(must(t, b, err))
}

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func ids(s *jwks.Set, alg jose.SignatureAlgorithm) (ids []string) {
	for _, k := range s.Find("", alg) {
		ids = append(ids, k.ID)
	}
	return ids
}

// CASES X-A2.
func TestStrangeKeysSpoilNoSet(t *testing.T) {
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := base64.RawURLEncoding.EncodeToString(make([]byte, 57))
	text := set(
		jwk(t, "rsa", rsaKey(t, 2048).Public()),
		`{"kty":"OKP","crv":"Ed448","kid":"ed448","x":"`+x+`"}`,
		`{"kty":"OKP","crv":"X25519","kid":"x25519","x":"`+x+`"}`,
		jwk(t, "p521", ecKey(t, elliptic.P521()).Public()),
		`{"kty":"AKP","alg":"ML-DSA-44","kid":"akp","pub":"AAAA"}`,
		jwk(t, "enc", rsaKey(t, 2048).Public(), "use", "enc"),
		`{"kty":"RSA","kid":"base64","n":"!!!","e":"AQAB"}`,
		jwk(t, "", ecKey(t, elliptic.P256()).Public()),
		jwk(t, "ed", ed),
		jwk(t, "small", rsaKey(t, 1024).Public()),
		`{"kty":"oct","kid":"secret","k":"`+base64.RawURLEncoding.EncodeToString(make([]byte, 32))+`"}`,
		jwk(t, "private", ecKey(t, elliptic.P256())),
		jwk(t, "alg", rsaKey(t, 2048).Public(), "alg", "HS256"),
		`{"kty":"`+strings.Repeat("x", 1000)+`"}`, `7`, `null`, `[]`, `"key"`,
		`{"kty":"RSA","kid":"ops","key_ops":["encrypt"],"n":"AQAB","e":"AQAB"}`,
		// A point that is not on the curve.
		`{"kty":"EC","crv":"P-256","kid":"point","x":"AQ","y":"AQ"}`,
	)
	s, skipped, err := jwks.Parse(text, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(s, jose.RS256); len(got) != 1 || got[0] != "rsa" {
		t.Errorf("RS256: %q", got)
	}
	if got := ids(s, jose.ES256); len(got) != 1 || got[0] != "" {
		t.Errorf("ES256: %q", got)
	}
	if got := ids(s, jose.EdDSA); len(got) != 1 || got[0] != "ed" {
		t.Errorf("EdDSA: %q", got)
	}
	if got := ids(s, jose.HS256); got != nil {
		t.Errorf("HS256: %q", got)
	}
	if len(skipped) != 17 {
		t.Errorf("%d keys are left out: %v", len(skipped), skipped)
	}
	for _, k := range skipped {
		if k.Reason == "" || k.Number == 0 {
			t.Errorf("%+v", k)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "HTML": "<html>", "a list": "[]", "no keys": `{"key":[]}`, "null": `{"keys":null}`,
		"an empty set": `{"keys":[]}`, "only strange keys": `{"keys":[{"kty":"AKP"}]}`,
		"too many":  `{"keys":[` + strings.Repeat("{},", 300) + `{}]}`,
		"too large": strings.Repeat(" ", jwks.MaxBytes) + `{"keys":[]}`,
	} {
		if s, _, err := jwks.Parse([]byte(text), true); err == nil || s.Len() != 0 {
			t.Errorf("%s: %d keys, %v", name, s.Len(), err)
		}
	}
}

func TestFind(t *testing.T) {
	one, two := rsaKey(t, 2048).Public(), rsaKey(t, 2048).Public()
	s, _, err := jwks.Parse(set(jwk(t, "a", one), jwk(t, "a", two), jwk(t, "b", ecKey(t, elliptic.P256()).Public())),
		false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id   string
		alg  jose.SignatureAlgorithm
		want int
	}{
		{"a", jose.RS256, 2}, {"a", jose.ES256, 0}, {"b", jose.ES256, 1}, {"b", jose.HS256, 0},
		{"", jose.RS256, 2}, {"", "none", 0}, {"../a", jose.RS256, 0}, {"A", jose.RS256, 0},
	} {
		if got := s.Find(c.id, c.alg); len(got) != c.want {
			t.Errorf("%q %s: %d keys, want %d", c.id, c.alg, len(got), c.want)
		}
	}
	var none *jwks.Set
	if none.Find("", jose.RS256) != nil || none.Has("a") || none.Len() != 0 {
		t.Error("no set has keys")
	}
}

// Keys that would be slow to use, and keys for another use, are left out.
func TestUnusableKeys(t *testing.T) {
	huge := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16384, 1), E: 65537}
	if _, err := jwks.NewKey("", "", huge, false); err == nil {
		t.Error("a key of 16,385 bits is accepted")
	}
	good := jwk(t, "good", ecKey(t, elliptic.P256()).Public())
	for ops, want := range map[string]int{`["encrypt"]`: 1, `["sign", "verify"]`: 2} {
		other := strings.Replace(jwk(t, "other", ecKey(t, elliptic.P256()).Public()), "{", `{"key_ops":`+ops+",", 1)
		if s, _, err := jwks.Parse(set(good, other), false); err != nil || s.Len() != want {
			t.Errorf("%s: %d keys, %v; want %d", ops, s.Len(), err, want)
		}
	}
}

// A token without a key id cannot make many keys be tried.
func TestFindBoundsNamelessTokens(t *testing.T) {
	var keys []jwks.Key
	for range 100 {
		k, err := jwks.NewKey("", "", make([]byte, 32), true)
		keys = append(keys, must(t, k, err))
	}
	if got := len(jwks.NewSet(keys...).Find("", jose.HS256)); got != 8 {
		t.Errorf("%d keys", got)
	}
}

func TestReadFile(t *testing.T) {
	public, err := x509.MarshalPKIXPublicKey(rsaKey(t, 2048).Public())
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(ecKey(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	secret := strings.Repeat("s", 32)
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string // of the error, "" for none
	}{
		{"public key", block("PUBLIC KEY", public), 0o644, ""},
		{"two public keys", block("PUBLIC KEY", public) + block("PUBLIC KEY", public), 0o644, ""},
		{"set", string(set(jwk(t, "a", rsaKey(t, 2048).Public()))), 0o644, ""},
		{"one key", jwk(t, "a", rsaKey(t, 2048).Public()), 0o644, ""},
		{"secret", secret + "\n", 0o600, ""},
		{"secret that others can read", secret, 0o640, "chmod 600"},
		{"short secret", "secret", 0o600, "fewer than 32"},
		{"private key", block("PRIVATE KEY", private), 0o600, "a public key or a certificate"},
		{"empty", "\n", 0o600, "empty"},
		{"rest", block("PUBLIC KEY", public) + "x", 0o600, "malformed PEM"},
		{"broken PEM", "-----BEGIN PUBLIC KEY-----\nAAAA", 0o600, "no key"},
		{"large", strings.Repeat("x", jwks.MaxBytes+1), 0o600, "larger"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		s, _, err := jwks.ReadFile(path)
		if c.want == "" && (err != nil || s.Len() == 0) || c.want != "" &&
			(err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %d keys, %v; want %q", c.name, s.Len(), err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the secret", c.name)
		}
	}
	if _, _, err := jwks.ReadFile(t.TempDir()); err == nil {
		t.Error("a directory is read")
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := jwks.ReadFile(pipe); err == nil {
		t.Error("a pipe is read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(set(jwk(f, "rsa", rsaKey(f, 2048).Public()), jwk(f, "ec", ecKey(f, elliptic.P256()).Public())))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"},{"kty":"oct","k":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, _, err := jwks.Parse(text, false)
		if (err == nil) != (s.Len() > 0) {
			t.Errorf("%d keys, %v", s.Len(), err)
		}
		if len(s.Find("", jose.HS256)) > 0 {
			t.Error("a secret from a public set")
		}
	})
}
