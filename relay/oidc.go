package relay

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"

	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/oidc"
	"github.com/daytwo/daytwo/api/regularfile"
)

// Bounds of files, bytes.
const (
	maxSecret      = 4 << 10
	maxAuthorities = 1 << 20
)

// openOIDC opens the identity provider. own signs the tokens of who signs in there.
func (c *Config) openOIDC(own *issuer.Issuer) (*oidc.Provider, error) {
	a := &c.Access
	o := oidc.Options{
		Issuer: a.OIDCIssuer, ClientID: a.OIDCClientID, Scopes: a.OIDCScopes, Name: a.OIDCName, Groups: a.OIDCGroups,
		Own: own, Valid: tokenValid, Log: c.Log,
	}
	if a.OIDCClientSecret != "" {
		o.Secret = func() (string, error) { return readSecret(a.OIDCClientSecret) }
		if _, err := o.Secret(); err != nil {
			return nil, fmt.Errorf("identity provider: %w", err)
		}
	}
	if a.OIDCCA != "" {
		text, err := regularfile.Read(a.OIDCCA, maxAuthorities)
		if err != nil {
			return nil, fmt.Errorf("authorities of the identity provider: %w", err)
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("authorities of the identity provider: %s has no certificate in PEM", a.OIDCCA)
		}
	}
	p, err := oidc.New(o)
	if err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	return p, nil
}

// readSecret reads the secret of the relay's client: at each use, so that it can be replaced.
func readSecret(path string) (string, error) {
	text, mode, err := regularfile.ReadMode(path, maxSecret)
	if err != nil {
		return "", err
	}
	if mode&0o007 != 0 {
		return "", fmt.Errorf("everybody can read %s, the secret of the relay's client: chmod o= it", path)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return secret, nil
}

// public returns how users reach the relay, nil if it is not configured.
func (a *Access) public() (*url.URL, error) {
	if a.PublicURL == "" {
		return nil, nil
	}
	u, err := url.Parse(strings.TrimSuffix(a.PublicURL, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Fragment != "" {
		return nil, fmt.Errorf("the public URL %q: use https://HOST[:PORT][/PATH]", a.PublicURL)
	}
	return u, nil
}
