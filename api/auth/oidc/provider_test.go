package oidc

import (
	"context"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/daytwo/daytwo/bench/rig"
)

const callback = "http://127.0.0.1:1/callback"

type fixed struct{ *jwks.Set }

func (f fixed) Keys() *jwks.Set                   { return f.Set }
func (f fixed) Missing(context.Context) *jwks.Set { return f.Set }

// run runs a provider until the test ends, and returns it with a function that says whose a
// token is.
func run(t *testing.T, o Options) (*Provider, func(token string) *jwt.Identity) {
	t.Helper()
	own, err := issuer.Open(filepath.Join(t.TempDir(), issuer.KeyFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o.Own, o.Log = own, slog.New(slog.DiscardHandler)
	if o.ClientID == "" {
		o.ClientID = "daytwo"
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	v, err := jwt.New(jwt.Options{Keys: fixed{own.Keys()}, Issuer: issuer.Name, Audience: issuer.Audience})
	if err != nil {
		t.Fatal(err)
	}
	return p, func(token string) *jwt.Identity {
		t.Helper()
		id, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

// discovered waits until a provider's endpoints are known.
func (p *Provider) discovered(t *testing.T) {
	t.Helper()
	rig.Eventually(t, 20*time.Second, p.Err)
}

// signIn signs a user in with a browser.
func signIn(t *testing.T, p *Provider, idp *rig.Identity, user string) (*Outcome, error) {
	t.Helper()
	location, keep, err := p.Start(callback, nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(idp.SignIn(t, location, user))
	if err != nil {
		t.Fatal(err)
	}
	return p.Finish(t.Context(), keep, u.Query())
}

// People can sign in while the provider's keys change, with names and groups from the claims
// that are asked for, with a secret or without.
func TestRealProvider(t *testing.T) {
	idp := rig.StartIdentity(t, "../../../bench/identity", rig.FreePort(t), "-redirect", callback)
	secret := func() (string, error) { return "secret", nil }
	p, who := run(t, Options{Issuer: idp.Issuer, Secret: secret, Scopes: []string{"email"}, Name: []string{"email", "sub"},
		CoolDown: 50 * time.Millisecond})
	p.discovered(t)
	for round := range 3 {
		o, err := signIn(t, p, idp, "test-user@127.0.0.1")
		if err != nil {
			t.Fatalf("after %d other keys: %v", round, err)
		}
		if id := who(o.Token); id.Name != "test-user@zitadel.ch" || !slices.Equal(id.Groups, []string{"ops", "staff"}) ||
			time.Until(id.Expiry) > 12*time.Hour || time.Until(id.Expiry) < 11*time.Hour {
			t.Errorf("%+v", id)
		}
		idp.Rotate(t)
		idp.Rotate(t) // the key of before is not published any more
		time.Sleep(60 * time.Millisecond)
	}
	byID, who := run(t, Options{Issuer: idp.Issuer, Secret: secret, Groups: "teams"})
	byID.discovered(t)
	o, err := signIn(t, byID, idp, "test-user2")
	if err != nil {
		t.Fatal(err)
	}
	if id := who(o.Token); id.Name != "id2" || len(id.Groups) != 0 {
		t.Errorf("%+v", id)
	}
	wrong, _ := run(t, Options{Issuer: idp.Issuer, Secret: func() (string, error) { return "wrong", nil }})
	wrong.discovered(t)
	if o, err := signIn(t, wrong, idp, "test-user2"); err == nil || o.Token != "" || !strings.HasPrefix(err.Error(),
		"provider: ") {
		t.Errorf("a wrong secret: %v", err)
	}
	other, _ := run(t, Options{Issuer: strings.TrimSuffix(idp.Issuer, "/"), Secret: secret})
	rig.Eventually(t, 10*time.Second, func() error {
		if err := other.Err(); err == nil || !strings.Contains(err.Error(), "did not match") {
			return err
		}
		return nil
	})
	if _, _, err := other.Start(callback, nil); err == nil {
		t.Error("a provider that names itself otherwise is used")
	}
}
