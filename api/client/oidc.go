package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/daytwo/daytwo/api/v1"
)

// SignInMethods returns how people may sign in at the relay.
func (c *Client) SignInMethods(ctx context.Context) (*v1.SignInMethods, error) {
	m := new(v1.SignInMethods)
	_, err := c.get(ctx, "/api/v1/auth/methods", nil, m)
	return m, err
}

// Explain asks what a user may do, and why, and decodes the answer into v.
func (c *Client) Explain(ctx context.Context, question url.Values, v any) error {
	_, err := c.get(ctx, "/api/v1/auth/explain", question, v)
	return err
}

// OIDC signs a user in at the relay's identity provider. The relay is the OAuth server that it
// talks to.
type OIDC struct {
	c      *Client
	config oauth2.Config
}

// OIDC returns how to sign in at the relay's identity provider.
func (c *Client) OIDC() *OIDC {
	base := c.base.String() + "/api/v1/auth/oidc/"
	return &OIDC{c, oauth2.Config{ClientID: "daytwo", Endpoint: oauth2.Endpoint{AuthURL: base + "start",
		TokenURL: base + "token", DeviceAuthURL: base + "device", AuthStyle: oauth2.AuthStyleInParams}}}
}

// Prompt is what a user has to be shown in the device flow.
type Prompt struct {
	URL, Code string
	Complete  string // URL that contains the code, "" for none
}

// longestPause is the longest time between attempts while the relay does not answer.
const longestPause = time.Minute

// Device signs a user in by the device flow (RFC 8628): show shows where to do so. It returns a
// token.
func (o *OIDC) Device(ctx context.Context, show func(Prompt) error) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, o.c.http)
	a, err := o.config.DeviceAuth(ctx)
	if err != nil {
		return "", o.explain(err)
	}
	if err := show(Prompt{a.VerificationURI, a.UserCode, a.VerificationURIComplete}); err != nil {
		return "", err
	}
	for {
		t, err := o.config.DeviceAccessToken(ctx, a)
		if err == nil {
			return t.AccessToken, nil
		}
		if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) && time.Now().After(a.Expiry) {
			return "", errors.Join(ctx.Err(), errors.New("nobody signed in in time: try again"))
		}
		var answer *oauth2.RetrieveError
		if errors.As(err, &answer) && answer.Response.StatusCode < http.StatusInternalServerError {
			return "", o.explain(err)
		}
		// RFC 8628 §3.5: after a connection that failed, more slowly.
		a.Interval = min(max(a.Interval, 5)*2, int64(longestPause.Seconds()))
	}
}

// Browser is a user who signs in with a browser on this machine, for a program that waits for
// the outcome on a port (RFC 8252).
type Browser struct {
	o        *OIDC
	verifier string
	URL      string // where the browser has to go
	State    string // with which it comes back
}

// Browser begins to sign a user in who comes back to a port of 127.0.0.1 with the parameters
// state and code, or error.
func (o *OIDC) Browser(port int) *Browser {
	b := &Browser{o: o, verifier: oauth2.GenerateVerifier(), State: oauth2.GenerateVerifier()}
	b.URL = o.config.Endpoint.AuthURL + "?" + url.Values{"port": {strconv.Itoa(port)}, "state": {b.State},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(b.verifier)}}.Encode()
	return b
}

// Redeem returns a token for a code.
func (b *Browser) Redeem(ctx context.Context, code string) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, b.o.c.http)
	t, err := b.o.config.Exchange(ctx, code, oauth2.VerifierOption(b.verifier))
	if err != nil {
		return "", b.o.explain(err)
	}
	return t.AccessToken, nil
}

// Failed returns the error for a code of RFC 6749 or RFC 8628, or of the relay.
func (o *OIDC) Failed(code string) error {
	switch code {
	case "access_denied", "denied":
		return errors.New("the identity provider did not let you in, or you said no")
	case "expired_token":
		return errors.New("signing in took too long: try again")
	case "temporarily_unavailable", "provider":
		return errors.New("the identity provider does not answer as it should: the relay's log says more")
	case "invalid_grant", "refused":
		return errors.New("the identity provider says of you what the relay does not accept: the relay's log says more")
	}
	return fmt.Errorf("signing in failed: %.200q", code)
}

// explain returns the error for an answer.
func (o *OIDC) explain(err error) error {
	var answer *oauth2.RetrieveError
	switch {
	case !errors.As(err, &answer):
		return o.c.unreachable(err)
	case answer.Response.StatusCode == http.StatusBadRequest:
		return o.Failed(answer.ErrorCode)
	}
	return &Error{Status: answer.Response.StatusCode, Message: answer.ErrorCode}
}
