package jwks

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a set.
const (
	MaxBytes = 1 << 20 // of its JSON text
	maxKeys  = 256
	// maxNameless is how many keys are tried for a token that names none.
	maxNameless = 8
)

// Key is a key that verifies tokens.
type Key struct {
	ID        string // "kid", "" if it has none
	Algorithm jose.SignatureAlgorithm
	Material  any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, or a secret: []byte
}

// Skipped is a key of a set that is not used.
type Skipped struct {
	ID     string // "kid"; "" if it has none, or it cannot be read
	Number int    // of the key in its set, from 1
	Reason string
}

func (s Skipped) String() string {
	if s.ID == "" {
		return fmt.Sprintf("key %d: %s", s.Number, s.Reason)
	}
	return fmt.Sprintf("key %q: %s", s.ID, s.Reason)
}

// Set is an immutable set of keys. The zero value and nil have no keys.
type Set struct {
	keys []Key
}

// NewSet returns a set of keys.
func NewSet(keys ...Key) *Set { return &Set{keys} }

// Parse reads a set. It returns also which keys it leaves out, and an error if the text is
// no set, or none of its keys can be used. Secrets (HS256) are left out unless secrets is
// true: a set that anybody can fetch must have none.
func Parse(text []byte, secrets bool) (*Set, []Skipped, error) {
	if len(text) > MaxBytes {
		return nil, nil, fmt.Errorf("the key set is larger than %d bytes", MaxBytes)
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	if raw.Keys == nil {
		return nil, nil, errors.New(`not a JSON Web Key Set: it has no "keys"`)
	}
	if len(raw.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
	}
	s := new(Set)
	var skipped []Skipped
	for i, k := range raw.Keys {
		key, err := parseKey(k, secrets)
		if err != nil {
			skipped = append(skipped, Skipped{keyID(k), i + 1, err.Error()})
			continue
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 {
		return nil, skipped, errors.New("the key set has no key that can be used")
	}
	return s, skipped, nil
}

// keyID returns the "kid" of a key that may be malformed otherwise.
func keyID(text []byte) string {
	var k struct {
		ID string `json:"kid"`
	}
	_ = json.Unmarshal(text, &k) // the caller has an error already
	if len(k.ID) > 64 {
		return k.ID[:64]
	}
	return k.ID
}

// Len returns the number of keys.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// Has reports whether a key has an id.
func (s *Set) Has(id string) bool {
	return s != nil && len(s.find(id)) > 0
}

// Find returns the keys for a token with an algorithm: those with the token's key id, or,
// if the token has none, the first eight of all.
func (s *Set) Find(id string, alg jose.SignatureAlgorithm) (keys []Key) {
	if s == nil {
		return nil
	}
	candidates := s.keys
	if id != "" {
		candidates = s.find(id)
	}
	for _, k := range candidates {
		if k.Algorithm == alg && len(keys) < maxNameless {
			keys = append(keys, k)
		}
	}
	return keys
}

func (s *Set) find(id string) (keys []Key) {
	for _, k := range s.keys {
		if k.ID == id {
			keys = append(keys, k)
		}
	}
	return keys
}
