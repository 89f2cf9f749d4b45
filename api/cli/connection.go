package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/tokens"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/setting"
)

// defaultURL is the address that daytwo up and daytwo relay listen on by default.
const defaultURL = "http://" + setting.Listen

// connection holds the flags that say how the client commands reach a relay.
type connection struct {
	fs                        *pflag.FlagSet
	url, token, tokenFile, ca string
}

func connectionFlags(fs *pflag.FlagSet) *connection {
	c := &connection{fs: fs}
	fs.SortFlags = false
	fs.StringVar(&c.url, "url", defaultURL, "ask the relay at `URL`")
	fs.StringVar(&c.token, "token", "",
		"send this `TOKEN` to the relay (others see it in the process list: prefer --token-file)")
	fs.StringVar(&c.tokenFile, "token-file", "",
		"send the token in `FILE` to the relay (default: token in the data directory of a relay on this machine)")
	fs.StringVar(&c.ca, "ca", "",
		"trust a relay with a certificate by the authorities in `FILE` (default: the system's)")
	annotateEnv(fs, "url", "token", "token-file", "ca")
	return c
}

// client returns a client of the relay. It may have no token: the relay's answer
// says then what is missing.
func (c *connection) client() (*client.Client, error) {
	relay := c.relay()
	if local := c.local(relay); local != nil {
		return local, nil
	}
	token, err := c.findToken(relay)
	if err != nil {
		return nil, err
	}
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	cl, err := client.NewTLS(relay, token, roots)
	if err != nil {
		return nil, usageError{err}
	}
	return cl, nil
}

// withScheme returns a URL with http as its scheme if it has none.
func withScheme(relay string) string {
	if !strings.Contains(relay, "://") {
		return "http://" + relay
	}
	return relay
}

// setting returns the value of a flag, or that of its environment variable if the flag is
// not given.
func (c *connection) setting(name, value string) string {
	if v := os.Getenv(envName(name)); v != "" && !c.fs.Changed(name) {
		return v
	}
	return value
}

// local returns a client of the unix socket of a relay on this machine, nil if there is none,
// this user may not use it, or another relay or token was asked for.
func (c *connection) local(relay string) *client.Client {
	for _, name := range []string{"token", "token-file"} {
		if c.fs.Changed(name) || os.Getenv(envName(name)) != "" {
			return nil
		}
	}
	if token, _ := tokens.Get(relay); token != "" || relay != defaultURL {
		return nil // signed in as somebody
	}
	for _, dir := range dataDirs() {
		path := filepath.Join(dir, setting.RelaySocket)
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			_ = conn.Close() // it was only tried
			return client.Socket(path)
		}
	}
	return nil
}

// roots returns the authorities of --ca, nil without.
func (c *connection) roots() (*x509.CertPool, error) {
	path := c.setting("ca", c.ca)
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("ca: %w", err)}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usageError{fmt.Errorf("ca: %s has no certificate in PEM", path)}
	}
	return roots, nil
}

// dataDirs returns the directories in which a relay on this machine may keep its data.
func dataDirs() []string {
	if d := os.Getenv(envName("data")); d != "" {
		return []string{d}
	}
	return []string{DefaultData(), setting.Data}
}

// findToken returns the token to send, or "" if there is none: one that is given, that of
// 'daytwo login', or that in the data directory of a relay on this machine.
func (c *connection) findToken(relay string) (string, error) {
	token, err := auth.Source{Token: c.token, File: c.tokenFile}.Find()
	if !errors.Is(err, auth.ErrNoToken) {
		return token, err
	}
	if token, err = tokens.Get(relay); token != "" || err != nil {
		return token, err
	}
	for _, dir := range dataDirs() {
		token, err := auth.Source{Data: dir, URL: relay}.Find()
		if !errors.Is(err, auth.ErrNoToken) {
			return token, err
		}
	}
	return "", nil
}

// ClientFlags returns the flags that client commands on this machine need to reach
// the relay at base with the token in a file, each after a space; "" if the
// defaults do.
func (c *Config) ClientFlags(base, tokenFile string) string {
	flags := ""
	if base != defaultURL {
		flags += " --url " + base
	}
	if c.TokenFile != "" || c.Data != DefaultData() && c.Data != setting.Data {
		flags += " --token-file " + tokenFile
	}
	return flags
}
