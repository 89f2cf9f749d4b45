package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// TokenFile is the name of the token's file in a data directory.
	TokenFile = "token"

	tokenBytes   = 32   // of randomness in a token we make
	minToken     = 16   // characters; a shorter one is too easily guessed
	maxTokenFile = 4096 // bytes
)

// EnsureToken returns the admin token kept in dir, making one if there is none.
// The file is written whole or not at all, readable by its owner only. A token
// that is there is kept; it is refused when it is too weak to guard anything.
func EnsureToken(dir string) (string, error) {
	path := filepath.Join(dir, TokenFile)
	for range 2 {
		token, err := ownToken(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return token, err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("make the directory of the token: %w", err)
		}
		// Another process may win the race: then its token is the one.
		if err := writeToken(dir, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("write the token: %w", err)
		}
	}
	return "", fmt.Errorf("%s: appears and vanishes: is another program removing it?", path)
}

// ownToken reads a token that this process guards its routes with, and takes
// it away from everybody but the owner first.
func ownToken(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if st.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return "", fmt.Errorf("%s can be read by others, and that cannot be changed: %w", path, err)
		}
	}
	return readToken(path)
}

// readToken reads and checks a token file.
func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return "", err
	} else if !st.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("%s: %w; remove the file to get a new token", path, err)
	}
	return token, nil
}

func checkToken(token string) error {
	if len(token) < minToken {
		return fmt.Errorf("the token is shorter than %d characters", minToken)
	}
	if len(token) > maxTokenFile {
		return fmt.Errorf("the token is longer than %d characters", maxTokenFile)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return errors.New("the token holds a space or a character that HTTP headers cannot carry")
		}
	}
	return nil
}

// writeToken makes a token under a temporary name and links it to its own,
// which fails with fs.ErrExist if there is one by now.
func writeToken(dir, path string) error {
	var b [tokenBytes]byte
	rand.Read(b[:])
	f, err := os.CreateTemp(dir, ".token-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(b[:]) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
