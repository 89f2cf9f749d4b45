package users

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of new hashes is the first choice of OWASP's Password Storage Cheat Sheet.
const (
	newMemory  = 19 << 10 // KiB
	newPasses  = 2
	newThreads = 1
	saltSize   = 16
	hashSize   = 32
)

// Bounds of the cost of hashes in the file: whoever wrote it must not stop the relay.
const (
	maxMemory  = 256 << 10 // KiB
	maxPasses  = 16
	maxThreads = 16
)

// Bounds of passwords, bytes.
const (
	minPassword = 8
	maxPassword = 1024
)

// hash is a password hash with its cost.
type hash struct {
	memory, passes uint32
	threads        uint8
	salt, sum      []byte
}

// newHash hashes a password.
func newHash(password string) hash {
	h := hash{memory: newMemory, passes: newPasses, threads: newThreads, salt: make([]byte, saltSize)}
	rand.Read(h.salt)
	h.sum = h.of(password, hashSize)
	return h
}

func (h *hash) of(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, size)
}

// matches reports whether a password has the hash.
func (h *hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.of(password, uint32(len(h.sum))), h.sum) == 1
}

// String returns the hash in the PHC string format.
func (h *hash) String() string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.memory, h.passes, h.threads, b.EncodeToString(h.salt), b.EncodeToString(h.sum))
}

// parseHash reads a hash in the PHC string format.
func parseHash(s string) (h hash, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, errors.New("the password hash is not of argon2id ($argon2id$v=19$m=...,t=...,p=...$salt$hash)")
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, fmt.Errorf("the password hash has another version of argon2 than %d", argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil {
		return h, errors.New("the cost of the password hash cannot be read")
	}
	if h.threads < 1 || h.threads > maxThreads || h.passes < 1 || h.passes > maxPasses ||
		h.memory < 8*uint32(h.threads) || h.memory > maxMemory {
		return h, fmt.Errorf("the cost of the password hash is out of bounds: at most m=%d,t=%d,p=%d",
			maxMemory, maxPasses, maxThreads)
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return h, errors.New("the salt of the password hash cannot be read")
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, errors.New("the password hash cannot be read")
	}
	return h, nil
}

// CheckPassword returns why a password cannot be used, nil if it can.
func CheckPassword(password string) error {
	switch {
	case len(password) < minPassword:
		return fmt.Errorf("the password is shorter than %d bytes", minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("the password is longer than %d bytes", maxPassword)
	}
	return nil
}
