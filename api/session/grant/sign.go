package grant

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// A token is "KEY.DOCUMENT.SIGNATURE": the id of the key, then both others in base64url. What is
// signed is context, KEY, "." and DOCUMENT, so that the signature of one thing is never one
// of another thing.
const context = "daytwo session grant 1\n"

var encoding = base64.RawURLEncoding.Strict()

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
	document, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("grant: %w", err)
	}
	signed := s.id + "." + encoding.EncodeToString(document)
	token := signed + "." + encoding.EncodeToString(ed25519.Sign(s.key, []byte(context+signed)))
	if len(token) > MaxToken {
		return "", fmt.Errorf("grant: it has more than %d bytes", MaxToken)
	}
	return token, nil
}

// open returns the grant of a token if its signature is one of keys.
func open(token string, keys map[string]ed25519.PublicKey) (*Grant, error) {
	if len(token) > MaxToken {
		return nil, fmt.Errorf("it has more than %d bytes", MaxToken)
	}
	end := strings.LastIndexByte(token, '.')
	id, document, ok := strings.Cut(token[:max(end, 0)], ".")
	if !ok {
		return nil, fmt.Errorf("it is no grant")
	}
	key := keys[id]
	if key == nil {
		return nil, fmt.Errorf("it is signed with the key %.20q, which this node does not know: if the relay is a new one, "+
			"add its public key to the file of --session-keys", id)
	}
	signature, err := encoding.DecodeString(token[end+1:])
	if err != nil || !ed25519.Verify(key, []byte(context+token[:end]), signature) {
		return nil, fmt.Errorf("its signature is wrong: it was altered on the way")
	}
	b, err := encoding.DecodeString(document)
	if err != nil {
		return nil, fmt.Errorf("it is no grant: %w", err)
	}
	g := new(Grant)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(g); err != nil {
		return nil, fmt.Errorf("this node cannot read it, and may be older than the relay: %w", err)
	}
	return g, g.check()
}
