package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/go-jose/go-jose/v4"
)

var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherRSA, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ = ed25519.GenerateKey(rand.Reader)
	secret      = []byte(strings.Repeat("secret", 6))
)

// fixed is a set that never changes, and counts what is missed.
type fixed struct {
	set    *jwks.Set
	missed []string
}

func (f *fixed) Keys() *jwks.Set { return f.set }

func (f *fixed) Missing(context.Context) *jwks.Set {
	f.missed = append(f.missed, "")
	return f.set
}

func keys(t testing.TB) *fixed {
	t.Helper()
	var s []jwks.Key
	for id, material := range map[string]any{"rsa": rsaKey.Public(), "ec": ecKey.Public(), "ed": edKey.Public(),
		"hmac": secret} {
		k, err := jwks.NewKey(id, "", material, true)
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, k)
	}
	return &fixed{set: jwks.NewSet(s...)}
}

// sign returns a token. more are members of its header.
func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, id string, claims any, more map[string]any) string {
	t.Helper()
	o := new(jose.SignerOptions).WithType("JWT")
	if id != "" {
		o = o.WithHeader("kid", id)
	}
	for name, v := range more {
		o = o.WithHeader(jose.HeaderKey(name), v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, ok := claims.(string)
	if !ok {
		b, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		payload = string(b)
	}
	signed, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forge returns a token with any header and signature.
func forge(header, payload string, signature []byte) string {
	b := base64.RawURLEncoding
	return b.EncodeToString([]byte(header)) + "." + b.EncodeToString([]byte(payload)) + "." + b.EncodeToString(signature)
}

func verifier(t testing.TB, o jwt.Options) *jwt.Verifier {
	t.Helper()
	if o.Keys == nil {
		o.Keys = keys(t)
	}
	v, err := jwt.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type m = map[string]any

func in(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func TestVerify(t *testing.T) {
	v := verifier(t, jwt.Options{})
	claims := m{"uid": "anna", "groups": []string{"shop", "ops"}, "exp": in(time.Hour), "iss": "here", "jti": "7"}
	for id, k := range map[string]struct {
		alg jose.SignatureAlgorithm
		key any
	}{"rsa": {jose.RS256, rsaKey}, "ec": {jose.ES256, ecKey}, "ed": {jose.EdDSA, edKey}, "hmac": {jose.HS256, secret}} {
		for _, kid := range []string{id, ""} {
			token := sign(t, k.alg, k.key, kid, claims, nil)
			for range 2 { // the second time from the cache
				got, err := v.Verify(t.Context(), token)
				if err != nil {
					t.Fatalf("%s: %v: %v", id, err, errors.Unwrap(err))
				}
				if got.Name != "anna" || !slices.Equal(got.Groups, []string{"shop", "ops"}) || got.Issuer != "here" ||
					got.ID != "7" || got.Expiry.Unix() != claims["exp"] {
					t.Errorf("%s: %+v", id, got)
				}
			}
		}
	}
}

// CASES X-A4: what a claim may be.
func TestClaims(t *testing.T) {
	manyGroups := make([]string, 1001)
	for i := range manyGroups {
		manyGroups[i] = fmt.Sprint("g", i)
	}
	for _, c := range []struct {
		name   string
		o      jwt.Options
		claims any
		want   string // the bearer, "" if the token is refused
	}{
		{"DC/OS", jwt.Options{}, m{"uid": "anna"}, "anna"},
		{"sub", jwt.Options{}, m{"sub": "anna"}, "anna"},
		{"uid before sub", jwt.Options{}, m{"sub": "x", "uid": "anna"}, "anna"},
		{"other claim", jwt.Options{NameClaims: []string{"email"}}, m{"sub": "x", "email": "a@b"}, "a@b"},
		{"no name", jwt.Options{}, m{"exp": in(time.Hour)}, ""},
		{"empty name", jwt.Options{}, m{"uid": ""}, ""},
		{"name is a number", jwt.Options{}, m{"uid": 7}, ""},
		{"name with an escape", jwt.Options{}, m{"uid": "a\x1b[2J"}, ""},
		{"name that turns the direction", jwt.Options{}, m{"uid": "a\u202eb"}, ""},
		{"long name", jwt.Options{}, m{"uid": strings.Repeat("a", 257)}, ""},
		{"one group as text", jwt.Options{}, m{"uid": "anna", "groups": "shop"}, "anna"},
		{"groups are numbers", jwt.Options{}, m{"uid": "anna", "groups": []int{1}}, ""},
		{"groups are an object", jwt.Options{}, m{"uid": "anna", "groups": m{"shop": true}}, ""},
		{"as many groups as may be", jwt.Options{}, m{"uid": "anna", "groups": manyGroups[:1000]}, "anna"},
		{"a group too many", jwt.Options{}, m{"uid": "anna", "groups": manyGroups}, ""},

		{"audience is not asked for", jwt.Options{}, m{"uid": "anna", "aud": "x"}, "anna"},
		{"audience missing", jwt.Options{Audience: "daytwo"}, m{"uid": "anna"}, ""},
		{"audience empty", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": ""}, ""},
		{"audience empty list", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": []string{}}, ""},
		{"audience null", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": nil}, ""},
		{"other audience", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": []string{"x"}}, ""},
		{"audience", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": "daytwo"}, "anna"},
		{"audience in a list", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": []string{"x", "daytwo"}}, "anna"},
		{"audience is a number", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": 7}, ""},
		{"audience is part of a word", jwt.Options{Audience: "daytwo"}, m{"uid": "anna", "aud": "daytwo2"}, ""},
		{"issuer", jwt.Options{Issuer: "https://i"}, m{"uid": "anna", "iss": "https://i"}, "anna"},
		{"other issuer", jwt.Options{Issuer: "https://i"}, m{"uid": "anna", "iss": "https://i/"}, ""},
		{"issuer missing", jwt.Options{Issuer: "https://i"}, m{"uid": "anna"}, ""},

		{"issued 5 s ahead", jwt.Options{}, m{"uid": "anna", "iat": in(5 * time.Second)}, "anna"},
		{"issued a minute ahead", jwt.Options{}, m{"uid": "anna", "iat": in(time.Minute)}, ""},
		{"expired within the leeway", jwt.Options{}, m{"uid": "anna", "exp": in(-5 * time.Second)}, "anna"},
		{"expired", jwt.Options{}, m{"uid": "anna", "exp": in(-15 * time.Second)}, ""},
		{"expiry is a float", jwt.Options{}, m{"uid": "anna", "exp": float64(in(time.Hour)) + 0.5}, "anna"},
		{"expired float", jwt.Options{}, m{"uid": "anna", "exp": float64(in(-time.Hour)) + 0.5}, ""},
		{"expiry is text", jwt.Options{}, m{"uid": "anna", "exp": "9999999999"}, ""},
		{"expiry is null", jwt.Options{}, m{"uid": "anna", "exp": nil}, ""},
		{"expiry is huge", jwt.Options{}, `{"uid":"anna","exp":1e300}`, ""},
		{"expiry is in the year 65000", jwt.Options{}, `{"uid":"anna","exp":2e12}`, ""},
		{"not yet valid", jwt.Options{}, m{"uid": "anna", "nbf": in(time.Minute)}, ""},
		{"valid", jwt.Options{}, m{"uid": "anna", "nbf": in(5 * time.Second)}, "anna"},
		{"no expiry, too old", jwt.Options{MaxAge: time.Hour}, m{"uid": "anna", "iat": in(-2 * time.Hour)}, ""},
		{"no times, bounded age", jwt.Options{MaxAge: time.Hour}, m{"uid": "anna"}, ""},
		{"not an object", jwt.Options{}, `["uid"]`, ""},
		{"null", jwt.Options{}, `null`, ""},
		{"empty", jwt.Options{}, ``, ""},
		{"after the object", jwt.Options{}, `{"uid":"anna"}{"uid":"bob"}`, ""},
	} {
		v := verifier(t, c.o)
		got, err := v.Verify(t.Context(), sign(t, jose.ES256, ecKey, "ec", c.claims, nil))
		switch {
		case c.want == "" && (err == nil || err.Error() != jwt.ErrRefused.Error() || !errors.Is(err, jwt.ErrRefused)):
			t.Errorf("%s: %+v, %v", c.name, got, err)
		case c.want != "" && (err != nil || got.Name != c.want):
			t.Errorf("%s: %+v, %v", c.name, got, errors.Unwrap(err))
		}
	}
}

// CASES X-A4: signatures.
func TestForgeries(t *testing.T) {
	payload := `{"uid":"admin"}`
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := sign(t, jose.RS256, rsaKey, "rsa", m{"uid": "admin"}, nil)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"none":                     forge(`{"alg":"none"}`, payload, nil),
		"None":                     forge(`{"alg":"None","kid":"rsa"}`, payload, nil),
		"no alg":                   forge(`{"kid":"rsa"}`, payload, nil),
		"RSA key as a secret":      sign(t, jose.HS256, text, "rsa", m{"uid": "admin"}, nil),
		"RSA key as a secret, DER": sign(t, jose.HS256, der, "", m{"uid": "admin"}, nil),
		"PS256":                    sign(t, jose.PS256, rsaKey, "rsa", m{"uid": "admin"}, nil),
		"RS512":                    sign(t, jose.RS512, rsaKey, "rsa", m{"uid": "admin"}, nil),
		"another key":              sign(t, jose.RS256, otherRSA, "rsa", m{"uid": "admin"}, nil),
		"another key, no id":       sign(t, jose.RS256, otherRSA, "", m{"uid": "admin"}, nil),
		"path as id":               sign(t, jose.RS256, rsaKey, "../../rsa", m{"uid": "admin"}, nil),
		"SQL as id":                sign(t, jose.RS256, rsaKey, "x' OR '1'='1", m{"uid": "admin"}, nil),
		"long id":                  sign(t, jose.RS256, rsaKey, strings.Repeat("rsa", 1000), m{"uid": "admin"}, nil),
		"the right key, brought along": sign(t, jose.RS256, rsaKey, "rsa", m{"uid": "admin"},
			m{"jwk": jose.JSONWebKey{Key: rsaKey.Public()}}),
		"its own key": sign(t, jose.RS256, otherRSA, "", m{"uid": "admin"},
			m{"jwk": jose.JSONWebKey{Key: otherRSA.Public()}}),
		"unknown critical header": sign(t, jose.RS256, rsaKey, "rsa", m{"uid": "admin"}, m{"crit": []string{"x"}, "x": 1}),
		"changed payload": parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(payload+" ")) + "." +
			parts[2],
		"no signature":     parts[0] + "." + parts[1] + ".",
		"two dots missing": parts[0] + parts[1] + parts[2],
		"a dot more":       good + ".",
		"a megabyte":       forge(`{"alg":"RS256"}`, strings.Repeat("x", 1<<20), nil),
		"JSON form": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` +
			parts[2] + `"}`,
		"space around":               " " + good,
		"padded":                     good + "=",
		"signature of zeros (ES256)": forge(`{"alg":"ES256","kid":"ec"}`, payload, make([]byte, 64)),
		"empty":                      "", "dots": "..", "text": "hello",
	} {
		v := verifier(t, jwt.Options{})
		if id, err := v.Verify(t.Context(), token); err == nil || err.Error() != jwt.ErrRefused.Error() {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	if _, err := verifier(t, jwt.Options{}).Verify(t.Context(), good); err != nil {
		t.Error(err)
	}
	// A long id is not looked up at the issuer.
	long := sign(t, jose.RS256, rsaKey, strings.Repeat("r", 257), m{}, nil)
	_, err = verifier(t, jwt.Options{}).Verify(t.Context(), long)
	if reason := errors.Unwrap(err); reason == nil || !strings.Contains(reason.Error(), "key id is too long") {
		t.Errorf("long id: %v", reason)
	}
}

// A token that was valid is refused as soon as it expires, or its key is gone.
func TestSeenTokensEnd(t *testing.T) {
	k := keys(t)
	v := verifier(t, jwt.Options{Keys: k, Leeway: time.Nanosecond})
	token := sign(t, jose.ES256, ecKey, "ec", m{"uid": "anna", "exp": in(2 * time.Second)}, nil)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := v.Verify(t.Context(), token); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("an expired token is valid")
		}
	}
	token = sign(t, jose.ES256, ecKey, "ec", m{"uid": "anna"}, nil)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	k.set = jwks.NewSet(k.set.Find("rsa", jose.RS256)...)
	if _, err := v.Verify(t.Context(), token); err == nil {
		t.Error("a token whose key is gone is valid")
	}
	if len(k.missed) != 1 {
		t.Errorf("%d keys were asked for", len(k.missed))
	}
	k.set = nil
	if _, err := v.Verify(t.Context(), token); err == nil {
		t.Error("a token is valid without keys")
	}
}

// The cache is bounded, and answers from many goroutines are right.
func TestManyTokens(t *testing.T) {
	v := verifier(t, jwt.Options{})
	var tokens []string
	for range 50 {
		tokens = append(tokens, sign(t, jose.HS256, secret, "hmac", m{"uid": rand.Text()}, nil))
	}
	names := map[string]string{}
	for _, token := range tokens {
		id, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		names[token] = id.Name
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				token := tokens[i%len(tokens)]
				if id, err := v.Verify(t.Context(), token); err != nil || id.Name != names[token] {
					t.Errorf("%+v, %v", id, err)
					return
				}
				if w == 0 {
					if _, err := v.Verify(t.Context(), sign(t, jose.HS256, secret, "hmac", m{"uid": "x", "jti": rand.Text()},
						nil)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := v.Seen(); n > 8192 {
		t.Errorf("%d tokens are kept", n)
	}
}

func TestLooks(t *testing.T) {
	for text, want := range map[string]bool{"a.b.c": true, "a.b": false, "": false, "a.b.c.d": false, "..": true} {
		if jwt.Looks(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestNewWantsKeys(t *testing.T) {
	if _, err := jwt.New(jwt.Options{}); err == nil {
		t.Error("a verifier without keys")
	}
}

// FuzzVerify changes valid tokens: whatever is accepted says what the issuer signed.
func FuzzVerify(f *testing.F) {
	good := sign(f, jose.ES256, ecKey, "ec", m{"uid": "anna"}, nil)
	f.Add(good)
	f.Add(forge(`{"alg":"none"}`, `{"uid":"anna"}`, nil))
	f.Add(sign(f, jose.RS256, otherRSA, "rsa", m{"uid": "bob"}, nil))
	v := verifier(f, jwt.Options{})
	f.Fuzz(func(t *testing.T, token string) {
		id, err := v.Verify(t.Context(), token)
		if err == nil && id.Name != "anna" {
			t.Errorf("%q is %+v", token, id)
		}
	})
}
