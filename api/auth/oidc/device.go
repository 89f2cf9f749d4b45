package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// DeviceGrant is the grant type of the device flow.
const DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// ErrNoDevice is the error for a provider without the device flow.
var ErrNoDevice = errors.New("the identity provider has no device flow")

// Codes of RFC 8628 §3.5, which tell a client whether to go on.
const (
	Pending  = "authorization_pending"
	SlowDown = "slow_down"
	denied   = "access_denied"
	expired  = "expired_token"
)

// Wait is the error for a client that has to ask again: its text is the code.
type Wait string

func (w Wait) Error() string { return string(w) }

// Device begins the device flow. It returns what the user has to see, and the code for Poll.
func (p *Provider) Device(ctx context.Context) (*oauth2.DeviceAuthResponse, error) {
	if !p.limit.Allow() {
		return nil, p.count(errBusy)
	}
	f, c, err := p.config("")
	if err != nil {
		return nil, p.count(err)
	}
	if f.endpoint.DeviceAuthURL == "" {
		return nil, ErrNoDevice
	}
	a, err := p.beginDevice(ctx, c)
	if err == nil && (a.DeviceCode == "" || a.UserCode == "") {
		err = errors.New("its answer has no code")
	}
	if err == nil {
		err = checkURL(a.VerificationURI)
	}
	if err != nil {
		return nil, p.count(&Failure{Away, fmt.Errorf("it begins no device flow: %w", brief(err))})
	}
	return a, nil
}

// beginDevice asks for a code. The client has to prove who it is, as at the token endpoint
// (RFC 8628 §3.1), which the library leaves to its caller.
func (p *Provider) beginDevice(ctx context.Context, c *oauth2.Config) (*oauth2.DeviceAuthResponse, error) {
	switch {
	case c.ClientSecret == "":
	case c.Endpoint.AuthStyle == oauth2.AuthStyleInHeader:
		client := *p.client
		client.Transport = basic{client.Transport, url.QueryEscape(c.ClientID), url.QueryEscape(c.ClientSecret)}
		return c.DeviceAuth(oidc.ClientContext(ctx, &client))
	default:
		return c.DeviceAuth(p.context(ctx), oauth2.SetAuthURLParam("client_secret", c.ClientSecret))
	}
	return c.DeviceAuth(p.context(ctx))
}

// basic adds the client's id and secret to requests, encoded as RFC 6749 §2.3.1 says.
type basic struct {
	http.RoundTripper
	id, secret string
}

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(b.id, b.secret)
	return b.RoundTripper.RoundTrip(r)
}

// Poll returns the token once the user has signed in; until then a Wait. Other errors are of
// *Failure, and end the flow.
func (p *Provider) Poll(ctx context.Context, deviceCode string) (name, token string, err error) {
	name, token, err = p.poll(ctx, deviceCode)
	var wait Wait
	if !errors.As(err, &wait) {
		err = p.count(err)
	}
	return name, token, err
}

func (p *Provider) poll(ctx context.Context, deviceCode string) (name, token string, err error) {
	if !p.limit.Allow() {
		return "", "", Wait(SlowDown)
	}
	f, c, err := p.config("")
	if err != nil {
		return "", "", err
	}
	// One request; the library's own loop is for those who wait. RFC 6749 §3.2: an empty code
	// counts as none.
	t, err := c.Exchange(p.context(ctx), "", oauth2.SetAuthURLParam("grant_type", DeviceGrant),
		oauth2.SetAuthURLParam("device_code", deviceCode))
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		switch answer.ErrorCode {
		case Pending, SlowDown:
			return "", "", Wait(answer.ErrorCode)
		case denied:
			return "", "", &Failure{Denied, errors.New("the user said no")}
		case expired:
			return "", "", &Failure{Expired, errors.New("the user took too long")}
		}
	}
	if err != nil {
		return "", "", &Failure{Away, fmt.Errorf("it gives no token: %w", brief(err))}
	}
	id, err := p.identity(ctx, f, t, "")
	if err != nil {
		return "", "", err
	}
	token, err = p.sign(id)
	return id.Name, token, err
}
