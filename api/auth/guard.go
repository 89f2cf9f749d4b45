package auth

import (
	"crypto/sha256"
	"crypto/subtle"
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

// Principal returns the admin for the admin token, nil for another. How long it takes does
// not depend on how much of the token is right.
func (g *Guard) Principal(token string) *Principal {
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], g.sum[:]) != 1 {
		return nil
	}
	return g.admin
}
