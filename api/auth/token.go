package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/daytwo/daytwo/api/atomicfile"
)

const (
	// TokenFile is the name of the token's file in a data directory.
	TokenFile = "token"

	tokenBytes = 32   // random bytes of a created token
	minToken   = 16   // characters; a shorter token is too easy to guess
	maxToken   = 4096 // characters
)

// EnsureToken returns the admin token in dir, and creates it if the file is missing, or
// empty after a power cut. The file is written atomically, and only its owner can read
// it. Processes that start at the same time get the same token. A weak token in an
// existing file is an error. log may be nil: then slog.Default() is used.
func EnsureToken(dir string, log *slog.Logger) (string, error) {
	if log == nil {
		log = slog.Default()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("create the directory of the token: %w", err)
	}
	path := filepath.Join(dir, TokenFile)
	if err := hide(path); err != nil {
		return "", err
	}
	token, created, err := atomicfile.Ensure(path, 0o600, func() string {
		var b [tokenBytes]byte
		rand.Read(b[:])
		return base64.RawURLEncoding.EncodeToString(b[:])
	})
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	if err := checkToken(token); err != nil {
		return "", tokenError(path, err)
	}
	if created {
		log.Info("created the token of the API", "path", path)
	}
	return token, nil
}

// hide removes all permissions of a token file but the owner's.
func hide(path string) error {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && st.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return fmt.Errorf("make %s readable for its owner only: %w", path, err)
	}
	return nil
}

// readToken reads and checks a token file.
func readToken(path string) (string, error) {
	token, err := atomicfile.Read(path)
	if err != nil {
		return "", err
	}
	if token == "" {
		return "", emptyError{path}
	}
	if err := checkToken(token); err != nil {
		return "", tokenError(path, err)
	}
	return token, nil
}

// emptyError is the error for an empty token file, which a power cut can leave. The file
// counts as missing (fs.ErrNotExist): the next start of a relay writes it again.
type emptyError struct{ path string }

func (e emptyError) Error() string { return e.path + " is empty" }

func (e emptyError) Is(target error) bool { return target == fs.ErrNotExist }

func tokenError(path string, err error) error {
	return fmt.Errorf("%s: %w; remove the file to get a new token", path, err)
}

func checkToken(token string) error {
	if len(token) < minToken {
		return fmt.Errorf("the token is shorter than %d characters", minToken)
	}
	if len(token) > maxToken {
		return fmt.Errorf("the token is longer than %d characters", maxToken)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return errors.New("the token contains a space, or a character that is not allowed in HTTP headers")
		}
	}
	return nil
}
