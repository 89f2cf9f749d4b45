package grant

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"

	"github.com/daytwo/daytwo/api/regularfile"
)

const (
	maxFile = 1 << 20 // bytes of a file of keys
	maxKeys = 1024
)

// PEM types of keys, as openssl writes them.
const (
	publicType  = "PUBLIC KEY"
	privateType = "PRIVATE KEY"
)

// KeyID returns the name of a public key: the beginning of its hash.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// NewKey returns a new key for a Signer.
func NewKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// MarshalKey returns a key as PEM, for a file that nobody but the relay may read.
func MarshalKey(key ed25519.PrivateKey) []byte {
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // it fails for kinds of keys that it does not know
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateType, Bytes: b})
}

// MarshalPublic returns a public key as PEM. A file of keys (--session-keys) is any number of
// these.
func MarshalPublic(key ed25519.PublicKey) []byte {
	b, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err) // likewise
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicType, Bytes: b})
}

// LoadKey reads a relay's key from a file, which nobody else may read.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	b, mode, err := regularfile.ReadMode(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("key of sessions: %w", err)
	}
	if mode&0o077 != 0 {
		return nil, fmt.Errorf("key of sessions: others may read %s: run 'chmod 600 %s'", path, path)
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != privateType {
		return nil, fmt.Errorf("key of sessions: %s has no private key in PEM form", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key of sessions: %s: %w", path, err)
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key of sessions: %s has a key that is not an Ed25519 one", path)
	}
	return ed, nil
}

// LoadPublic reads the public keys of relays from a file, which others may read and nobody but
// its owner may write.
func LoadPublic(path string) ([]ed25519.PublicKey, error) {
	b, mode, err := regularfile.ReadMode(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("keys of sessions: %w", err)
	}
	if mode&0o022 != 0 {
		return nil, fmt.Errorf("keys of sessions: others may write %s: run 'chmod 644 %s'", path, path)
	}
	keys, err := parsePublic(b)
	if err != nil {
		return nil, fmt.Errorf("keys of sessions: %s: %w", path, err)
	}
	return keys, nil
}

func parsePublic(b []byte) (keys []ed25519.PublicKey, err error) {
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		if block.Type != publicType {
			return nil, fmt.Errorf("it has a %q, and only public keys belong there", block.Type)
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		ed, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("it has a key that is not an Ed25519 one")
		}
		if keys = append(keys, ed); len(keys) > maxKeys {
			return nil, fmt.Errorf("it has more than %d keys", maxKeys)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("it has no public key in PEM form")
	}
	return keys, nil
}
