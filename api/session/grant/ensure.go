package grant

import (
	"crypto/ed25519"
	"fmt"

	"github.com/daytwo/daytwo/api/atomicfile"
)

// PublicSuffix follows the path of a relay's key in that of its public key.
const PublicSuffix = ".pub"

// EnsureKey returns a relay's key, and creates its file if that is missing. The public key, which
// nodes need, is in the file beside it.
func EnsureKey(path string) (key ed25519.PrivateKey, created bool, err error) {
	fresh, err := NewKey()
	if err != nil {
		return nil, false, fmt.Errorf("key of sessions: %w", err)
	}
	_, created, err = atomicfile.Ensure(path, 0o600, func() string { return string(MarshalKey(fresh)) })
	if err != nil {
		return nil, false, fmt.Errorf("key of sessions: %w", err)
	}
	if key, err = LoadKey(path); err != nil {
		return nil, false, err
	}
	public := MarshalPublic(key.Public().(ed25519.PublicKey))
	if err := atomicfile.Write(path+PublicSuffix, public, 0o644); err != nil {
		return nil, false, fmt.Errorf("public key of sessions: %w", err)
	}
	return key, created, nil
}
