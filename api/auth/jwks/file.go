package jwks

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/daytwo/daytwo/api/regularfile"
)

// ReadFile reads keys from a file: a JSON Web Key Set, one JSON Web Key, public keys or
// certificates in PEM, or else a secret for HS256, which is the text of the file without
// the line break at its end. A file with a secret must be readable by its owner only.
func ReadFile(path string) (*Set, []Skipped, error) {
	text, mode, err := regularfile.ReadMode(path, MaxBytes)
	if err != nil {
		return nil, nil, err
	}
	set, skipped, err := parseFile(text)
	if err != nil {
		return nil, skipped, fmt.Errorf("%s: %w", path, err)
	}
	if set.secret() && mode&0o077 != 0 {
		return nil, nil, fmt.Errorf("%s has a secret, and others than its owner can read it: chmod 600 %s", path, path)
	}
	return set, skipped, nil
}

func parseFile(text []byte) (*Set, []Skipped, error) {
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(trimmed) == 0:
		return nil, nil, errors.New("the file is empty")
	case trimmed[0] == '{' && bytes.Contains(trimmed, []byte(`"keys"`)):
		return Parse(trimmed, true)
	case trimmed[0] == '{':
		k, err := parseKey(trimmed, true)
		if err != nil {
			return nil, nil, err
		}
		return NewSet(k), nil, nil
	case bytes.HasPrefix(trimmed, []byte("-----BEGIN ")):
		return parsePEM(trimmed)
	}
	k, err := NewKey("", "", bytes.TrimRight(text, "\r\n"), true)
	if err != nil {
		return nil, nil, err
	}
	return NewSet(k), nil, nil
}

// parsePEM reads public keys and certificates.
func parsePEM(text []byte) (*Set, []Skipped, error) {
	s := new(Set)
	for n := 1; ; n++ {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if n > maxKeys {
			return nil, nil, fmt.Errorf("more than %d keys", maxKeys)
		}
		public, err := publicKey(block)
		if err != nil {
			return nil, nil, fmt.Errorf("key %d: %w", n, err)
		}
		k, err := NewKey("", "", public, false)
		if err != nil {
			return nil, nil, fmt.Errorf("key %d: %w", n, err)
		}
		s.keys = append(s.keys, k)
	}
	if len(s.keys) == 0 {
		return nil, nil, errors.New("no key in PEM can be read")
	}
	if len(bytes.TrimSpace(text)) > 0 {
		return nil, nil, errors.New("malformed PEM after the last key")
	}
	return s, nil, nil
}

func publicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	}
	return nil, fmt.Errorf("PEM of type %q: a public key or a certificate is required", block.Type)
}

// secret reports whether a key is a secret.
func (s *Set) secret() bool {
	for _, k := range s.keys {
		if _, ok := k.Material.([]byte); ok {
			return true
		}
	}
	return false
}
