package issuer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrSeal is the error for a text that was not sealed here for this purpose, or is too old.
var ErrSeal = errors.New("this was not sealed here, or it is too old")

// timeBytes is the length of the time that comes before a sealed value.
const timeBytes = 8

// Seal returns a value as a text that others can neither read nor change, for cookies and
// links. Open takes it for the same purpose only, until it is no longer valid. All issuers
// with the same key can open it.
func (i *Issuer) Seal(purpose string, v any, valid time.Duration) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	aead, err := i.aead(purpose)
	if err != nil {
		return "", err
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(i.now().Add(valid).Unix()))
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, append(plain, text...), nil)), nil
}

// Open decodes a sealed value into v.
func (i *Issuer) Open(purpose, sealed string, v any) error {
	aead, err := i.aead(purpose)
	if err != nil {
		return err
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(b) < aead.NonceSize() {
		return ErrSeal
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], nil)
	if err != nil || len(plain) < timeBytes {
		return ErrSeal
	}
	if i.now().Unix() >= int64(binary.BigEndian.Uint64(plain)) {
		return ErrSeal
	}
	return json.Unmarshal(plain[timeBytes:], v)
}

// aead returns the cipher of a purpose, whose key is derived from the key that signs.
func (i *Issuer) aead(purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, i.secret, nil, "daytwo seal "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("key that seals: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
