package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/go-jose/go-jose/v4"
)

// CASES X-A1: keys are rotated several times while many valid tokens come, and forged ones with
// keys that nobody knows. No valid token is refused, those of a new key are accepted within the
// cool-down, and those of a key that is gone are not.
func TestRotationUnderLoad(t *testing.T) {
	const coolDown = 200 * time.Millisecond
	var mu sync.Mutex
	var served []jose.JSONWebKey
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: served})
	}))
	defer issuer.Close()
	made := 0
	// rotate makes a key, and drops all but the newest two.
	rotate := func() (id string, key *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		made++
		id = fmt.Sprint("key-", made)
		mu.Lock()
		defer mu.Unlock()
		served = append(served, jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"})
		served = served[max(0, len(served)-2):]
		return id, key
	}
	id, key := rotate()
	remote, err := jwks.NewRemote(jwks.RemoteOptions{URL: issuer.URL, CoolDown: coolDown,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { remote.Run(ctx) })
	for end := time.Now().Add(20 * time.Second); remote.Keys() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no keys")
		}
	}
	v := verifier(t, jwt.Options{Keys: remote})
	first := sign(t, jose.ES256, key, id, m{"uid": "anna"}, nil)
	type signer struct {
		id  string
		key *ecdsa.PrivateKey
	}
	var now atomic.Pointer[signer]
	now.Store(&signer{id, key})
	var checked atomic.Uint64
	for range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				s := now.Load()
				token := sign(t, jose.ES256, s.key, s.id, m{"uid": "anna", "jti": fmt.Sprint(i)}, nil)
				if _, err := v.Verify(context.Background(), token); err != nil {
					t.Errorf("a valid token of %s is refused: %v", s.id, err)
					return
				}
				checked.Add(1)
			}
		})
	}
	wg.Go(func() { // an attacker
		for i := 0; ctx.Err() == nil; i++ {
			token := sign(t, jose.ES256, ecKey, fmt.Sprint("unknown-", i), m{"uid": "admin"}, nil)
			if _, err := v.Verify(context.Background(), token); err == nil {
				t.Error("a forged token is valid")
				return
			}
		}
	})
	for range 3 {
		id, key := rotate()
		token := sign(t, jose.ES256, key, id, m{"uid": "anna"}, nil)
		start := time.Now()
		for {
			if _, err := v.Verify(t.Context(), token); err == nil {
				break
			}
			if time.Since(start) > 20*coolDown {
				t.Fatalf("a token of %s is not accepted after %v", id, time.Since(start))
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Logf("%s after %v", id, time.Since(start))
		now.Store(&signer{id, key})
	}
	if _, err := v.Verify(t.Context(), first); err == nil {
		t.Error("a token whose key was rotated away is valid")
	}
	cancel()
	wg.Wait()
	if checked.Load() < 100 {
		t.Errorf("only %d tokens were checked: the test shows little", checked.Load())
	}
}
