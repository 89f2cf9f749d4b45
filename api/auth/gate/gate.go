package gate

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"os"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/jwt"
)

// Options of a Gate. All are optional; without any, nobody comes in.
type Options struct {
	Token *auth.Guard // the admin token

	// Own verifies the tokens of the relay's own issuer, Others those of other issuers, in
	// this order.
	Own    *jwt.Verifier
	Others []*jwt.Verifier

	// User returns the groups of a local user, and whether there is one: the token of a
	// user who was removed is not valid any more.
	User func(name string) (groups []string, ok bool)

	// Certificates says that client certificates that TLS has verified are credentials.
	Certificates bool

	// Origin is that of the relay's own pages, as browsers see it ("https://relay.example"),
	// beside the one that the request itself is for: a proxy may have changed that.
	Origin string
}

// Gate finds out who sends requests. It is safe for concurrent use.
type Gate struct {
	o    Options
	self uint32 // user id of this process
}

// New returns a gate.
func New(o Options) *Gate { return &Gate{o: o, self: uint32(os.Geteuid())} }

// Errors of Principal.
var (
	// ErrNobody says that a request has no credential.
	ErrNobody = errors.New("the request has no credential")
	// ErrForeignPage says that the page of another server has caused the request.
	ErrForeignPage = errors.New("another web page has caused the request")
)

// Principal returns who sends a request. Every error means that nobody is known;
// ErrForeignPage is one to answer with 403, all others with 401. Why a credential is not
// valid is for the log only.
func (g *Gate) Principal(r *http.Request) (*auth.Principal, error) {
	if uid, ok := peerOf(r.Context()); ok {
		if uid == 0 || uid == g.self {
			return auth.NewPrincipal(auth.AdminName, nil, auth.MethodSocket, noExpiry)
		}
		return nil, errors.New("the peer of the unix socket is neither root nor the relay's own user")
	}
	token, ambient, err := credential(r)
	if err != nil {
		return nil, err
	}
	if token == "" {
		if g.o.Certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			if g.ForeignPage(r) { // a browser shows a certificate by itself
				return nil, ErrForeignPage
			}
			return certificate(r.TLS.VerifiedChains[0][0])
		}
		return nil, ErrNobody
	}
	if ambient && !g.ownPage(r) {
		return nil, ErrForeignPage
	}
	return g.Bearer(r.Context(), token)
}

// Bearer returns whose a token is.
func (g *Gate) Bearer(ctx context.Context, token string) (*auth.Principal, error) {
	if g.o.Token != nil {
		if p := g.o.Token.Principal(token); p != nil {
			return p, nil
		}
	}
	if jwt.Looks(token) {
		return g.signed(ctx, token)
	}
	return nil, errors.New("the token is not the relay's")
}

// signed returns the bearer of a signed token.
func (g *Gate) signed(ctx context.Context, token string) (*auth.Principal, error) {
	err := errors.New("no issuer of tokens is configured")
	if g.o.Own != nil {
		var id *jwt.Identity
		if id, err = g.o.Own.Verify(ctx, token); err == nil {
			return g.own(id)
		}
	}
	for _, v := range g.o.Others {
		var id *jwt.Identity
		if id, err = v.Verify(ctx, token); err == nil {
			return auth.NewPrincipal(id.Name, id.Groups, auth.MethodJWT, id.Expiry)
		}
	}
	if reason := errors.Unwrap(err); reason != nil {
		err = reason
	}
	return nil, err
}

// own returns the bearer of a token of the relay's own issuer. A local user has the groups
// of now, not those of when the token was signed; a session of the local admin ends with the
// admin token that opened it.
func (g *Gate) own(id *jwt.Identity) (*auth.Principal, error) {
	if id.Session != "" {
		if g.o.Token != nil {
			if p := g.o.Token.Resume(id.Session, id.Expiry); p != nil {
				return p, nil
			}
		}
		return nil, errors.New("the admin token that opened this session was replaced")
	}
	groups := id.Groups
	if id.Local {
		if g.o.User == nil {
			return nil, errors.New("the token is of a local user, and there are none")
		}
		var ok bool
		if groups, ok = g.o.User(id.Name); !ok {
			return nil, errors.New("the token is of a local user who was removed")
		}
	}
	return auth.NewPrincipal(id.Name, groups, auth.MethodJWT, id.Expiry)
}

// certificate returns the bearer of a client certificate: the first name of an e-mail
// address, a URI (SPIFFE) or a host among its alternative names, else its common name. Its
// organisations are the groups.
func certificate(c *x509.Certificate) (*auth.Principal, error) {
	name := c.Subject.CommonName
	switch {
	case len(c.EmailAddresses) > 0:
		name = c.EmailAddresses[0]
	case len(c.URIs) > 0:
		name = c.URIs[0].String()
	case len(c.DNSNames) > 0:
		name = c.DNSNames[0]
	}
	groups := append(append([]string(nil), c.Subject.Organization...), c.Subject.OrganizationalUnit...)
	return auth.NewPrincipal(name, groups, auth.MethodCertificate, c.NotAfter)
}
