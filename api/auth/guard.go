package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"
)

// Cookie is the name of the cookie in which browsers and DC/OS clients send a token.
const Cookie = "dcos-acs-auth-cookie"

// Guard knows the admin token.
type Guard struct {
	sum   [sha256.Size]byte
	admin *Principal
}

// NewGuard returns a Guard for a token. It returns an error for a weak or empty token, so
// that a missing token never means that all requests are allowed.
func NewGuard(token string) (*Guard, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	return &Guard{
		sum:   sha256.Sum256([]byte(token)),
		admin: newPrincipal(AdminName, nil, MethodToken, time.Time{}),
	}, nil
}

// Session names the sessions of browsers that the admin token opened: another token, another
// name. It says nothing of the token that helps to guess it.
func (g *Guard) Session() string {
	sum := sha256.Sum256(append([]byte("session\x00"), g.sum[:]...))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// Resume returns the admin for the name of a session, until it expires; nil for the name of
// one that another token opened.
func (g *Guard) Resume(session string, expires time.Time) *Principal {
	if subtle.ConstantTimeCompare([]byte(session), []byte(g.Session())) != 1 {
		return nil
	}
	return newPrincipal(AdminName, nil, MethodToken, expires)
}

// Principal returns the admin for the admin token, nil for another. How long it takes does
// not depend on how much of the token is right.
func (g *Guard) Principal(token string) *Principal {
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], g.sum[:]) != 1 {
		return nil
	}
	return g.admin
}
