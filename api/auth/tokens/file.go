package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/regularfile"
)

// maxFile bounds the file, bytes.
const maxFile = 4 << 20

// path returns the path of the file: $XDG_CONFIG_HOME/daytwo/tokens.json, by default below
// ~/.config.
func path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("where tokens are kept: %w", err)
	}
	return filepath.Join(dir, "daytwo", "tokens.json"), nil
}

// read returns the tokens by the URLs of their relays.
func read(path string) (map[string]string, error) {
	text, mode, err := regularfile.ReadMode(path, maxFile)
	if err != nil {
		return nil, err
	}
	if mode&0o077 != 0 {
		return nil, fmt.Errorf("others than its owner can read %s: chmod 600 %s", path, path)
	}
	all := map[string]string{}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// Get returns the token for a relay, "" if there is none.
func Get(relay string) (string, error) {
	path, err := path()
	if err != nil {
		return "", nil // a user without a home has no tokens
	}
	tokens, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return tokens[relay], err
}

// Put keeps the token for a relay.
func Put(relay, token string) error {
	return change(func(tokens map[string]string) error { tokens[relay] = token; return nil })
}

// Remove forgets the token for a relay. It returns fs.ErrNotExist if there is none.
func Remove(relay string) error {
	return change(func(tokens map[string]string) error {
		if _, ok := tokens[relay]; !ok {
			return fs.ErrNotExist
		}
		delete(tokens, relay)
		return nil
	})
}

func change(fn func(map[string]string) error) error {
	path, err := path()
	if err != nil {
		return err
	}
	tokens, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		tokens, err = map[string]string{}, os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = fn(tokens)
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'), 0o600)
}
