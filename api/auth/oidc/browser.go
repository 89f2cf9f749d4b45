package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/daytwo/daytwo/api/auth/jwt"
)

// FlowTime is how long a user may take to sign in at the provider.
const FlowTime = 10 * time.Minute

const flowPurpose = "oidc flow"

// flow is what a browser keeps, sealed, while its user is at the provider.
type flow struct {
	State    string   `json:"s"`
	Nonce    string   `json:"n"`
	Verifier string   `json:"v"`
	Redirect string   `json:"r"`
	Program  *Program `json:"p,omitempty"`
}

// Start begins to sign a browser in. It returns where to send the browser to, and what it has
// to keep until it comes back to the redirect URL. program is the one that waits for the
// outcome, nil for the browser itself.
func (p *Provider) Start(redirect string, program *Program) (location, keep string, err error) {
	_, c, err := p.config(redirect)
	if err != nil {
		return "", "", p.count(err)
	}
	f := flow{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), redirect, program}
	if keep, err = p.o.Own.Seal(flowPurpose, f, FlowTime); err != nil {
		return "", "", err
	}
	return c.AuthCodeURL(f.State, oauth2.S256ChallengeOption(f.Verifier), oauth2.SetAuthURLParam("nonce", f.Nonce)),
		keep, nil
}

// Outcome is how signing in ended.
type Outcome struct {
	Name     string
	Token    string // for the browser, "" if a program waits
	Location string // where to send the browser to if a program waits
}

// Finish signs a browser in that comes back with the parameters of its address. keep is what
// Start returned. The outcome is there with an error, too, which is a *Failure.
func (p *Provider) Finish(ctx context.Context, keep string, parameters url.Values) (*Outcome, error) {
	var kept flow
	if err := p.o.Own.Open(flowPurpose, keep, &kept); err != nil {
		return new(Outcome), p.count(&Failure{Expired, err})
	}
	o := new(Outcome)
	id, err := p.finish(ctx, &kept, parameters)
	if err == nil {
		o.Name = id.Name
		if kept.Program == nil {
			o.Token, err = p.sign(id)
		}
	}
	var f *Failure
	switch {
	case kept.Program == nil:
	case err == nil:
		o.Location, err = p.location(kept.Program, id)
	case errors.As(err, &f) && f.Reason != Expired: // else it may be of another attempt
		o.Location = kept.Program.location(url.Values{"error": {string(f.Reason)}})
	}
	return o, p.count(err)
}

// finish returns whom the provider says a browser is of.
func (p *Provider) finish(ctx context.Context, kept *flow, parameters url.Values) (*jwt.Identity, error) {
	if subtle.ConstantTimeCompare([]byte(parameters.Get("state")), []byte(kept.State)) != 1 {
		return nil, &Failure{Expired, errors.New("the browser comes back with the state of another attempt")}
	}
	if iss := parameters.Get("iss"); iss != "" && iss != p.o.Issuer { // RFC 9207
		return nil, &Failure{Refused, fmt.Errorf("the answer is of %.64q", iss)}
	}
	if e := parameters.Get("error"); e != "" {
		return nil, &Failure{Denied, fmt.Errorf("it answers %.64q: %.200q", e, parameters.Get("error_description"))}
	}
	if !p.limit.Allow() {
		return nil, errBusy
	}
	f, c, err := p.config(kept.Redirect)
	if err != nil {
		return nil, err
	}
	t, err := c.Exchange(p.context(ctx), parameters.Get("code"), oauth2.VerifierOption(kept.Verifier))
	if err != nil {
		return nil, &Failure{Away, fmt.Errorf("it gives no token: %w", brief(err))}
	}
	return p.identity(ctx, f, t, kept.Nonce)
}

var errBusy = &Failure{Away, errors.New("too many people are signing in")}

func (p *Provider) sign(id *jwt.Identity) (string, error) {
	return p.o.Own.Sign(id.Name, id.Groups, p.o.Valid, false)
}
