package cli

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/setting"
)

// defaultURL is the address that daytwo up and daytwo relay listen on by default.
const defaultURL = "http://" + setting.Listen

// connection holds the flags that say how the client commands reach a relay.
type connection struct {
	fs                    *pflag.FlagSet
	url, token, tokenFile string
}

func connectionFlags(fs *pflag.FlagSet) *connection {
	c := &connection{fs: fs}
	fs.SortFlags = false
	fs.StringVar(&c.url, "url", defaultURL, "ask the relay at `URL`")
	fs.StringVar(&c.token, "token", "",
		"send this `TOKEN` to the relay (others see it in the process list: prefer --token-file)")
	fs.StringVar(&c.tokenFile, "token-file", "",
		"send the token in `FILE` to the relay (default: token in the data directory of a relay on this machine)")
	annotateEnv(fs, "url", "token", "token-file")
	return c
}

// client returns a client of the relay. It may have no token: the relay's answer
// says then what is missing.
func (c *connection) client() (*client.Client, error) {
	relay := c.url
	if v := os.Getenv(envName("url")); v != "" && !c.fs.Changed("url") {
		relay = v
	}
	if !strings.Contains(relay, "://") {
		relay = "http://" + relay
	}
	token, err := c.findToken(relay)
	if err != nil {
		return nil, err
	}
	cl, err := client.New(relay, token)
	if err != nil {
		return nil, usageError{err}
	}
	return cl, nil
}

// findToken returns the token to send, or "" if there is none.
func (c *connection) findToken(relay string) (string, error) {
	dirs := []string{DefaultData(), setting.Data}
	if d := os.Getenv(envName("data")); d != "" {
		dirs = []string{d}
	}
	for _, dir := range dirs {
		token, err := auth.Source{Token: c.token, File: c.tokenFile, Data: dir, URL: relay}.Find()
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
