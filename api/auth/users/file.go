package users

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/regularfile"
)

// FileName is the name of the file in a data directory.
const FileName = "users.json"

// Bounds of the file.
const (
	maxFile   = 16 << 20 // bytes
	maxUsers  = 10_000
	maxGroups = 100
	maxName   = 128 // bytes, also of a group
)

// User is a local user.
type User struct {
	Name    string    `json:"name"`
	Groups  []string  `json:"groups,omitempty"` // sorted
	Created time.Time `json:"created"`
	Hash    string    `json:"password"` // in the PHC string format

	hash hash
}

// document is the file.
type document struct {
	Users []*User `json:"users"` // sorted by name
}

// read reads the file. A missing file has no users. A file that others can read is an
// error.
func read(path string) ([]*User, error) {
	text, mode, err := regularfile.ReadMode(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("local users: %w", err)
	case mode&0o077 != 0:
		return nil, fmt.Errorf("local users: others than its owner can read or write %s: chmod 600 %s", path, path)
	}
	users, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("local users: %s: %w", path, err)
	}
	return users, nil
}

func parse(text []byte) ([]*User, error) {
	var d document
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("not a list of users: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("text after the list of users")
	}
	if len(d.Users) > maxUsers {
		return nil, fmt.Errorf("more than %d users", maxUsers)
	}
	seen := map[string]bool{}
	for i, u := range d.Users {
		if u == nil {
			return nil, fmt.Errorf("user %d is null", i+1)
		}
		if err := u.check(); err != nil {
			return nil, fmt.Errorf("user %d: %w", i+1, err)
		}
		if seen[u.Name] {
			return nil, fmt.Errorf("user %d: there are two of the name %q", i+1, u.Name)
		}
		seen[u.Name] = true
		var err error
		if u.hash, err = parseHash(u.Hash); err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	return d.Users, nil
}

// write replaces the file.
func write(path string, users []*User) error {
	slices.SortFunc(users, func(a, b *User) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.MarshalIndent(document{users}, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("local users: %w", err)
	}
	return nil
}

// check returns why a user's name or groups cannot be used.
func (u *User) check() error {
	if err := checkName(u.Name); err != nil {
		return fmt.Errorf("the name %w", err)
	}
	if len(u.Groups) > maxGroups {
		return fmt.Errorf("more than %d groups", maxGroups)
	}
	for _, g := range u.Groups {
		if err := checkName(g); err != nil {
			return fmt.Errorf("a group %w", err)
		}
	}
	return nil
}

// checkName refuses names that are awkward in headers, policies and terminals.
func checkName(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	if len(s) > maxName {
		return fmt.Errorf("is longer than %d bytes", maxName)
	}
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune(`:*?"'\,`, r) {
			return fmt.Errorf("has the character %q: use letters, digits and @ . _ - + /", r)
		}
	}
	return nil
}
