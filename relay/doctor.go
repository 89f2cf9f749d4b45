package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/oidc"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/tlsfiles"
	"github.com/daytwo/daytwo/relay/sinks"
)

// roomWithin is how long Doctor waits for each of its checks.
const roomWithin = 15 * time.Second

// Doctor reports whether a relay of this configuration can start on this machine:
// whether its address is free or a running relay answers there, and whether its token
// can be used. It opens no listener and writes no file.
func Doctor(ctx context.Context, cfg Config) []health.Check {
	if cfg.Listen == "" {
		cfg.Listen = setting.Listen
	}
	return health.Gather(roomWithin,
		health.Group{Name: "relay address", Doctor: func() []health.Check {
			return append(plaintext.Doctor(plaintext.Listen(cfg.Listen, cfg.Access.Certificate != ""), cfg.Insecure),
				server.Doctor(ctx, "relay address", cfg.Listen, "--listen"))
		}},
		health.Group{Name: "relay token", Doctor: func() []health.Check { // which the logs require, too
			return append([]health.Check{cfg.checkToken()}, cfg.checkLogs(ctx)...)
		}},
		health.Group{Name: "relay access", Doctor: cfg.checkAccess},
		health.Group{Name: "sinks", Doctor: cfg.checkSinks})
}

// checkLogs asks the relay that runs at the address, if one does, for a log entry of the
// nodes.
func (c *Config) checkLogs(ctx context.Context) []health.Check {
	ctx, cancel := context.WithTimeout(ctx, roomWithin/2)
	defer cancel()
	token, err := auth.Source{File: c.tokenPath()}.Find()
	if err != nil {
		return nil // the check of the token says so
	}
	address := c.Listen
	if host, port, err := net.SplitHostPort(address); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			address = net.JoinHostPort("127.0.0.1", port)
		}
	}
	relay, err := client.New("http://"+address, token)
	if path := filepath.Join(c.DataDir, SocketFile); c.DataDir != "" && isSocket(path) {
		relay, err = client.Socket(path), nil // a unix socket needs no TLS
	}
	if err != nil || relay.Ready(ctx) != nil {
		return nil // other checks report that no relay runs, or that it is not ready
	}
	check := health.Check{Name: "relay logs", State: health.OK, Detail: "the nodes answer queries of logs"}
	if err := firstEntry(ctx, relay); err != nil {
		check.State, check.Detail = health.Warn, err.Error()
		check.Fix = "run 'daytwo doctor' on the node: its collector must run, be connected to NATS and read a journal"
	}
	return []health.Check{check}
}

func isSocket(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&os.ModeSocket != 0
}

// firstEntry returns an error if a relay has no entry, or reports a node that is away.
func firstEntry(ctx context.Context, relay *client.Client) error {
	for e, err := range relay.Logs(ctx, url.Values{"limit": {"1"}, "tail": {"1"}}) {
		switch {
		case err != nil:
			return err
		case e.Event == string(entry.NodeAway):
			return fmt.Errorf("agent %s: %s", e.AgentID, e.Message)
		}
	}
	return nil
}

// checkAccess reports whether the files that decide who may use the API can be used. It
// creates none of them.
func (c *Config) checkAccess() (checks []health.Check) {
	a := &c.Access
	if a.PolicyFile != "" {
		checks = policy.Doctor(a.PolicyFile)
	}
	fail := func(name string, err error) {
		checks = append(checks, health.Check{Name: name, State: health.Fail, Detail: err.Error(),
			Fix: "correct the file: no relay starts with it"})
	}
	if a.Certificate != "" {
		s, err := tlsfiles.NewServer(tlsfiles.Options{
			Certificate: a.Certificate, Key: a.Key, ClientCA: a.ClientCA, Log: c.Log,
		})
		switch {
		case err != nil:
			fail("tls", err)
		case time.Until(s.Expiry()) < expiresSoon:
			checks = append(checks, health.Check{Name: "tls", State: health.Warn,
				Detail: fmt.Sprintf("the certificate in %s expires on %s", a.Certificate, s.Expiry().Format(time.DateOnly)),
				Fix:    "replace it: a relay that runs reads the new files by itself"})
		default:
			checks = append(checks, health.Check{Name: "tls", State: health.OK,
				Detail: fmt.Sprintf("the certificate is valid until %s", s.Expiry().Format(time.DateOnly))})
		}
	}
	if c.DataDir != "" {
		if _, err := users.Open(filepath.Join(c.DataDir, users.FileName)); err != nil {
			fail("local users", err)
		}
	}
	if a.OIDCIssuer != "" {
		checks = append(checks, c.checkOIDC())
	}
	return checks
}

// checkOIDC reports whether the identity provider answers. It makes no key, as a relay does.
func (c *Config) checkOIDC() health.Check {
	check := health.Check{Name: "identity provider", State: health.OK, Detail: c.Access.OIDCIssuer}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return health.Check{Name: check.Name, State: health.Fail, Detail: err.Error()}
	}
	own, err := issuer.New(key)
	if err == nil {
		var p *oidc.Provider
		if p, err = c.openOIDC(own); err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), roomWithin)
			defer cancel()
			if err := p.Check(ctx); err != nil {
				check.State, check.Detail = health.Warn, err.Error()
				check.Fix = "until it answers nobody can sign in there: check --oidc-issuer and --oidc-ca, " +
					"and whether this machine reaches it"
			}
			return check
		}
	}
	check.State, check.Detail, check.Fix = health.Fail, err.Error(), "correct it: no relay starts with it"
	return check
}

// expiresSoon is how long before the end of a certificate the doctor warns.
const expiresSoon = 14 * 24 * time.Hour

// checkSinks reports whether the configuration of sinks is valid, and which of its
// receivers can be used from this machine.
func (c *Config) checkSinks() []health.Check {
	if c.SinksFile == "" {
		return nil
	}
	return sinks.Doctor(c.SinksFile)
}

func (c *Config) checkToken() health.Check {
	path := c.tokenPath()
	check := health.Check{Name: "relay token", State: health.OK, Detail: path}
	_, err := auth.Source{File: path}.Find()
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) && c.TokenFile == "":
		check.Detail += " is created at the first start"
	default:
		check.State, check.Detail = health.Fail, err.Error()
		check.Fix = "give --token-file a readable file with a token, or remove it: the next start creates another one"
	}
	return check
}
