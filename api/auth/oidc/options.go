package oidc

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/setting"
)

// Options of New. Issuer, ClientID and Own are required.
type Options struct {
	Issuer   string                 // URL of the provider, as it names itself
	ClientID string                 // of the relay, as the provider knows it
	Secret   func() (string, error) // of that client; nil for a public one, which has none
	Scopes   []string               // beside openid
	Name     []string               // claims with the name of a user; default sub
	Groups   string                 // claim with the groups of a user; default groups
	Roots    *x509.CertPool         // whom to trust; nil for the system's
	Own      *issuer.Issuer         // signs the tokens that people get
	Valid    time.Duration          // how long those are valid; default 12 hours
	Log      *slog.Logger           // default slog.Default()

	Timeout  time.Duration // of each request to the provider; default 10 s
	Retry    time.Duration // longest time between attempts to reach a provider that is away; default 30 s
	Refresh  time.Duration // how often the endpoints are discovered again; default 1 hour
	CoolDown time.Duration // shortest time between two fetches of keys; default that of jwks
}

func (o *Options) defaults() error {
	if o.Issuer == "" || o.ClientID == "" || o.Own == nil {
		return errors.New("oidc: an issuer, a client id and an own issuer of tokens are required")
	}
	if err := checkURL(o.Issuer); err != nil {
		return fmt.Errorf("the identity provider's URL %w", err)
	}
	if !slices.Contains(o.Scopes, "openid") {
		o.Scopes = append([]string{"openid"}, o.Scopes...)
	}
	if len(o.Name) == 0 {
		o.Name = []string{"sub"}
	}
	if o.Groups == "" {
		o.Groups = "groups"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	for _, d := range []struct {
		set   *time.Duration
		value time.Duration
	}{
		{&o.Valid, 12 * time.Hour}, {&o.Timeout, 10 * time.Second},
		{&o.Retry, 30 * time.Second}, {&o.Refresh, time.Hour},
	} {
		if *d.set == 0 {
			*d.set = d.value
		}
	}
	return nil
}

// checkURL returns an error for a URL over which secrets must not be sent.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%q is not a URL", text)
	case u.Scheme != "https" && (u.Scheme != "http" || !setting.IsLoopback(u.Hostname())):
		return fmt.Errorf("%s is not one with https: whoever is on the way could sign in as anybody", u.Redacted())
	case u.User != nil:
		return errors.New("must not have a password")
	}
	return nil
}
