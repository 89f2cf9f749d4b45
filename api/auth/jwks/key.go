package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Smallest keys that are accepted: RFC 7518 §3.3 for RSA, §3.2 for secrets.
const (
	minRSABits    = 2048
	maxRSABits    = 8192 // larger ones make each verification expensive
	minSecretSize = 32
)

// parseKey reads a key of a set. It returns why a key cannot be used.
func parseKey(text []byte, secrets bool) (Key, error) {
	var more struct {
		Use string   `json:"use"`
		Ops []string `json:"key_ops"`
	}
	if err := json.Unmarshal(text, &more); err != nil {
		return Key{}, fmt.Errorf("malformed: %w", err)
	}
	if more.Use != "" && more.Use != "sig" {
		return Key{}, fmt.Errorf(`its use is %q, not "sig"`, more.Use)
	}
	if more.Ops != nil && !slices.Contains(more.Ops, "verify") {
		return Key{}, errors.New("its key_ops lack verify")
	}
	var k jose.JSONWebKey
	switch err := k.UnmarshalJSON(text); {
	case errors.Is(err, jose.ErrUnsupportedKeyType):
		return Key{}, errors.New("its type or curve is not supported")
	case err != nil:
		return Key{}, fmt.Errorf("malformed: %w", err)
	}
	return NewKey(k.KeyID, k.Algorithm, k.Key, secrets)
}

// NewKey returns a key for its only algorithm. alg may be "", else it must be that one.
// Private keys are refused, and secrets unless secrets is true.
func NewKey(id, alg string, material any, secrets bool) (Key, error) {
	k := Key{ID: id, Material: material}
	switch m := material.(type) {
	case *rsa.PublicKey:
		if n := m.N.BitLen(); n < minRSABits || n > maxRSABits {
			return Key{}, fmt.Errorf("an RSA key of %d bits, not %d to %d", n, minRSABits, maxRSABits)
		}
		k.Algorithm = jose.RS256
	case *ecdsa.PublicKey:
		if m.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("its curve is %s, not P-256", m.Curve.Params().Name)
		}
		k.Algorithm = jose.ES256
	case ed25519.PublicKey:
		k.Algorithm = jose.EdDSA
	case []byte:
		if !secrets {
			return Key{}, errors.New("a secret, which a set that others can read must not have")
		}
		if len(m) < minSecretSize {
			return Key{}, fmt.Errorf("a secret of %d bytes, fewer than %d", len(m), minSecretSize)
		}
		k.Algorithm = jose.HS256
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return Key{}, errors.New("a private key: give only the public one")
	default:
		return Key{}, errors.New("its type or curve is not supported")
	}
	if alg != "" && alg != string(k.Algorithm) {
		return Key{}, fmt.Errorf("its algorithm is %q, not %s", alg, k.Algorithm)
	}
	return k, nil
}
