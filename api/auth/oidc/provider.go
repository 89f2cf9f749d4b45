package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
)

// Requests that anybody can cause are forwarded to the provider at most so often, all together.
const (
	mostPerSecond = 20
	mostAtOnce    = 40
)

// Provider is an identity provider. It is safe for concurrent use.
type Provider struct {
	o      Options
	client *http.Client
	limit  *rate.Limiter
	say    *rate.Limiter         // log messages about failed attempts
	found  atomic.Pointer[found] // nil before the first discovery
	signIn counters

	mu  sync.Mutex
	err error // of the last discovery
}

// found is what discovery found.
type found struct {
	provider *oidc.Provider
	endpoint oauth2.Endpoint
	document string // by which a change is noticed
	keys     *jwks.Remote
	verifier *jwt.Verifier
	stop     context.CancelFunc // ends keys
}

// New returns a provider whose endpoints are not known yet: Run discovers them.
func New(o Options) (*Provider, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	return &Provider{o: o, client: newClient(o.Roots, o.Timeout), limit: rate.NewLimiter(mostPerSecond, mostAtOnce),
		say: rate.NewLimiter(1, 10), err: errors.New("it has not been asked yet")}, nil
}

// Run discovers the provider's endpoints, and keeps its keys up to date, until ctx ends. A
// provider that is away is asked again; what was found of it before stays in use.
func (p *Provider) Run(ctx context.Context) {
	var keys sync.WaitGroup
	defer keys.Wait()
	for failed := 0; ; {
		err := p.discover(ctx, keys.Go)
		if ctx.Err() != nil {
			return
		}
		p.note(err)
		pause := p.o.Refresh
		if failed++; err == nil {
			failed = 0
		} else {
			pause = min(time.Second<<min(failed-1, 10), p.o.Retry)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// note keeps why the provider cannot be used, and logs changes.
func (p *Provider) note(err error) {
	p.mu.Lock()
	was := p.err
	p.err = err
	p.mu.Unlock()
	switch {
	case err != nil && (was == nil || was.Error() != err.Error()):
		p.o.Log.Error("the identity provider cannot be used; other ways to sign in work",
			"issuer", p.o.Issuer, "err", err)
	case err == nil && was != nil:
		p.o.Log.Info("people can sign in at the identity provider", "issuer", p.o.Issuer)
	}
}

// discover fetches the provider's document (OpenID Connect Discovery 1.0), and uses what is
// new in it.
func (p *Provider) discover(ctx context.Context, start func(func())) error {
	f, err := p.fetch(ctx)
	if err != nil {
		return err
	}
	old := p.found.Load()
	if old != nil && old.document == f.document {
		return nil
	}
	running, stop := context.WithCancel(ctx)
	f.stop = stop
	start(func() { f.keys.Run(running) })
	p.found.Store(f)
	if old != nil {
		old.stop()
	}
	return nil
}

// fetch returns what the provider says of itself.
func (p *Provider) fetch(ctx context.Context) (*found, error) {
	ctx, cancel := context.WithTimeout(p.context(ctx), p.o.Timeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, p.o.Issuer)
	if err != nil {
		return nil, brief(err)
	}
	var doc struct {
		Keys     string   `json:"jwks_uri"`
		UserInfo string   `json:"userinfo_endpoint"`
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&doc); err != nil {
		return nil, brief(err)
	}
	f := &found{provider: provider, endpoint: provider.Endpoint()}
	f.endpoint.AuthStyle = p.style(doc.Methods)
	f.document = fmt.Sprint(doc, f.endpoint)
	for name, url := range map[string]string{
		"authorization_endpoint": f.endpoint.AuthURL, "token_endpoint": f.endpoint.TokenURL, "jwks_uri": doc.Keys,
		"device_authorization_endpoint": f.endpoint.DeviceAuthURL, "userinfo_endpoint": doc.UserInfo,
	} {
		if url == "" && (name == "device_authorization_endpoint" || name == "userinfo_endpoint") {
			continue
		}
		if err := checkURL(url); err != nil {
			return nil, brief(fmt.Errorf("its %s %w", name, err))
		}
	}
	f.keys, err = jwks.NewRemote(jwks.RemoteOptions{URL: doc.Keys, Client: p.client, CoolDown: p.o.CoolDown, Log: p.o.Log})
	if err != nil {
		return nil, err
	}
	f.verifier, err = jwt.New(jwt.Options{Keys: f.keys, Issuer: p.o.Issuer, Audience: p.o.ClientID,
		NameClaims: p.o.Name, GroupsClaim: p.o.Groups, Log: p.o.Log})
	return f, err
}

// style is how the provider wants to have the client's secret (OpenID Connect Core §9).
func (p *Provider) style(methods []string) oauth2.AuthStyle {
	post := false
	for _, m := range methods {
		if m == "client_secret_basic" && p.o.Secret != nil {
			return oauth2.AuthStyleInHeader
		}
		post = post || m == "client_secret_post"
	}
	if post || p.o.Secret == nil {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader // the default if it says nothing
}

// config returns what was found for one request, with the client's secret as it is now.
func (p *Provider) config(redirect string) (*found, *oauth2.Config, error) {
	f := p.found.Load()
	if f == nil {
		return nil, nil, &Failure{Away, fmt.Errorf("the identity provider cannot be used: %w", p.Err())}
	}
	c := &oauth2.Config{ClientID: p.o.ClientID, Endpoint: f.endpoint, Scopes: p.o.Scopes, RedirectURL: redirect}
	if p.o.Secret != nil {
		var err error
		if c.ClientSecret, err = p.o.Secret(); err != nil {
			return nil, nil, &Failure{Away, fmt.Errorf("secret of the relay's client: %w", err)}
		}
	}
	return f, c, nil
}

// context returns one by which the libraries use the provider's client.
func (p *Provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// Err returns why the provider's endpoints could not be discovered last: nil if they were.
func (p *Provider) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Check discovers the endpoints once, and returns what is wrong.
func (p *Provider) Check(ctx context.Context) error {
	if _, err := p.fetch(ctx); err != nil {
		return err
	}
	if p.o.Secret != nil {
		_, err := p.o.Secret()
		return err
	}
	return nil
}

// Issuer returns the URL of the provider.
func (p *Provider) Issuer() string { return p.o.Issuer }

// HasDevice reports whether the provider is known to have the device flow.
func (p *Provider) HasDevice() bool {
	f := p.found.Load()
	return f != nil && f.endpoint.DeviceAuthURL != ""
}

// Keys returns the provider's keys, nil before they are known.
func (p *Provider) Keys() *jwks.Remote {
	if f := p.found.Load(); f != nil {
		return f.keys
	}
	return nil
}
