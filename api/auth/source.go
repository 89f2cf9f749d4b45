package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/daytwo/daytwo/api/setting"
)

// ErrNoToken is the error of Find if no source has a token.
var ErrNoToken = errors.New("no token: give --token-file or set DAYTWO_TOKEN " +
	"(on the relay's machine it is in <data>/token, default /var/lib/daytwo/token)")

// Source lists where a client looks for its token, in this order: Token, File,
// $DAYTWO_TOKEN, $DAYTWO_TOKEN_FILE, and the data directory of a relay on this machine.
type Source struct {
	Token string // from the command line
	File  string // from the command line
	Data  string // data directory of a local relay
	URL   string // of the relay: the token of Data is used only for loopback addresses
}

// Find returns the first token that it finds, or ErrNoToken.
func (s Source) Find() (string, error) {
	if s.Token != "" {
		return s.Token, checkToken(s.Token)
	}
	if s.File != "" {
		return fileToken(s.File)
	}
	if t := os.Getenv("DAYTWO_TOKEN"); t != "" {
		if err := checkToken(t); err != nil {
			return "", fmt.Errorf("DAYTWO_TOKEN: %w", err)
		}
		return t, nil
	}
	if f := os.Getenv("DAYTWO_TOKEN_FILE"); f != "" {
		return fileToken(f)
	}
	if s.Data == "" || !loopback(s.URL) {
		return "", ErrNoToken
	}
	path := filepath.Join(s.Data, TokenFile)
	t, err := readToken(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", ErrNoToken
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%s belongs to another user: "+
			"run as that user (root?), or give --token-file or DAYTWO_TOKEN", path)
	}
	return t, err
}

func fileToken(path string) (string, error) {
	t, err := readToken(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return t, nil
}

// loopback reports whether a URL certainly refers to this machine.
func loopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	return err == nil && setting.IsLoopback(u.Hostname())
}
