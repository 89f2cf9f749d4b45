package grant

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// Signer signs the grants of a relay. It is safe for concurrent use.
type Signer struct {
	relay string
	key   ed25519.PrivateKey
	id    string
}

// NewSigner returns a signer for a relay. A key comes from NewKey or LoadKey.
func NewSigner(relay string, key ed25519.PrivateKey) *Signer {
	return &Signer{relay: relay, key: key, id: KeyID(key.Public().(ed25519.PublicKey))}
}

// Relay returns the id of the relay.
func (s *Signer) Relay() string { return s.relay }

// Public returns the key that nodes need to verify the grants.
func (s *Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Sign makes a grant valid for some time, at most MaxLife, and returns it signed. It sets
// Version, Relay, Nonce and Deadline.
func (s *Signer) Sign(g Grant, life time.Duration) (string, error) {
	if life <= 0 || life > MaxLife {
		return "", fmt.Errorf("a grant for %v: it may be valid for %v at most", life, MaxLife)
	}
	g.Version, g.Relay, g.Nonce = version, s.relay, session.NewID()
	g.Deadline = time.Now().Add(life).UTC()
	if err := g.check(); err != nil {
		return "", fmt.Errorf("grant: %w", err)
	}
	return s.seal(grantContext, &g)
}

// open returns the grant of a token if its signature is one of keys.
func open(token string, keys map[string]ed25519.PublicKey) (*Grant, error) {
	g := new(Grant)
	if err := unseal(grantContext, token, keys, g); err != nil {
		return nil, err
	}
	return g, g.check()
}
