package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/daytwo/daytwo/api/auth/oidc"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/tlsfiles"
	"github.com/daytwo/daytwo/api/unixsocket"
	"github.com/daytwo/daytwo/relay/checkpoints"
)

// Access configures who may use the HTTP API. With the zero value, only the admin token
// opens it.
type Access struct {
	PolicyFile string // what everybody but the admin may do; "": nothing

	// JWTKeys are files or URLs with the keys of other issuers of tokens.
	JWTKeys     []string
	JWTIssuer   string   // "iss" that their tokens must have; "" for any
	JWTAudience string   // "aud" that their tokens must have; "" for any
	JWTName     []string // claims that may have the bearer's name, best first; default uid, then sub
	JWTGroups   string   // claim with the groups; default groups

	OIDCIssuer       string   // URL of the identity provider at which people sign in; "" for none
	OIDCClientID     string   // of the relay there
	OIDCClientSecret string   // file with that client's secret; "" for a client without
	OIDCScopes       []string // which the relay asks for
	OIDCName         []string // claims with a user's name
	OIDCGroups       string   // claim with a user's groups
	OIDCCA           string   // file with the provider's authorities; "" for the system's
	PublicURL        string   // how users reach the relay; "" as each browser says

	Certificate, Key string // files for TLS; "" for none
	ClientCA         string // file with the authorities of client certificates; "" for none
}

// SocketFile is the name of the unix socket in the data directory, on which the API is
// served to the local admin: root, and the relay's own user. The command line uses it, so
// that no token is sent to whoever happens to listen on a port.
const SocketFile = setting.RelaySocket

// access decides about requests. Its run keeps files, keys and checkpoints up to date.
type access struct {
	gate    *gate.Gate
	policy  func() *policy.Policy
	file    *policy.File        // nil without a policy file
	audit   *audit.Log          // nil without a data directory
	points  *checkpoints.Keeper // of audit, nil likewise
	tls     *tlsfiles.Server    // nil without TLS
	opened  audit.Checkpoint    // newest line of audit at the start
	closed  bool                // audit was closed
	signIn  *signIn             // nil without a data directory
	remotes []*jwks.Remote
	log     *slog.Logger
	oidc    *oidc.Provider // nil without an identity provider
	public  *url.URL       // nil if it is not configured
}

// openAccess opens the files of Access, and those of the data directory, that decide about
// requests.
func (c *Config) openAccess() (*access, error) {
	a := &access{log: c.Log}
	if err := c.fillAccess(a); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (c *Config) fillAccess(a *access) error {
	guard, err := c.guard()
	if err != nil {
		return err
	}
	o := gate.Options{Token: guard, Certificates: c.Access.ClientCA != ""}
	if c.DataDir != "" {
		if a.signIn, err = openSignIn(c.DataDir, guard, c.Log); err != nil {
			return err
		}
		o.Own, o.User = a.signIn.own, a.signIn.groups
		if err := c.openAudit(a); err != nil {
			return err
		}
	}
	for _, source := range c.Access.JWTKeys {
		v, err := c.verifier(a, source)
		if err != nil {
			return err
		}
		o.Others = append(o.Others, v)
	}
	if a.public, err = c.Access.public(); err != nil {
		return err
	}
	if a.public != nil {
		o.Origin = a.public.Scheme + "://" + a.public.Host
	}
	a.gate = gate.New(o)
	if c.Access.OIDCIssuer != "" {
		if a.signIn == nil {
			return errors.New("an identity provider requires a data directory, for the key that signs tokens")
		}
		if a.oidc, err = c.openOIDC(a.signIn.issuer); err != nil {
			return err
		}
	}
	none := policy.AdminOnly()
	a.policy = func() *policy.Policy { return none }
	if c.Access.PolicyFile != "" {
		if a.file, err = policy.Open(policy.FileOptions{
			Path: c.Access.PolicyFile, Log: c.Log, Changed: a.policyChanged,
		}); err != nil {
			return fmt.Errorf("policy: %w", err)
		}
		a.policy = a.file.Policy
	}
	if c.Access.Certificate != "" {
		if a.tls, err = tlsfiles.NewServer(tlsfiles.Options{
			Certificate: c.Access.Certificate, Key: c.Access.Key, ClientCA: c.Access.ClientCA, Log: c.Log,
		}); err != nil {
			return err
		}
	}
	return nil
}

// verifier returns a verifier of another issuer's tokens.
func (c *Config) verifier(a *access, source string) (*jwt.Verifier, error) {
	o := jwt.Options{
		Issuer: c.Access.JWTIssuer, Audience: c.Access.JWTAudience, NameClaims: c.Access.JWTName,
		GroupsClaim: c.Access.JWTGroups, Log: c.Log,
	}
	if strings.Contains(source, "://") {
		remote, err := jwks.NewRemote(jwks.RemoteOptions{URL: source, Log: c.Log})
		if err != nil {
			return nil, err
		}
		a.remotes = append(a.remotes, remote)
		o.Keys = remote
		return jwt.New(o)
	}
	set, skipped, err := jwks.ReadFile(source)
	if err != nil {
		return nil, fmt.Errorf("keys that verify tokens: %w", err)
	}
	for _, k := range skipped {
		c.Log.Warn("a key that verifies tokens is not used", "path", source,
			"key", k.ID, "number", k.Number, "reason", k.Reason)
	}
	o.Keys = fixedKeys{set}
	return jwt.New(o)
}

// fixedKeys is a set of keys that was read from a file.
type fixedKeys struct{ set *jwks.Set }

func (f fixedKeys) Keys() *jwks.Set                   { return f.set }
func (f fixedKeys) Missing(context.Context) *jwks.Set { return f.set }

// run keeps files and keys up to date until ctx ends.
func (a *access) run(ctx context.Context, start func(func())) {
	if a.file != nil {
		start(func() { a.file.Run(ctx) })
	}
	if a.tls != nil {
		start(func() { a.tls.Run(ctx) })
	}
	for _, r := range a.remotes {
		start(func() { r.Run(ctx) })
	}
	if a.points != nil {
		start(func() { a.points.Run(ctx, a.opened) })
	}
	if a.oidc != nil {
		start(func() { a.oidc.Run(ctx) })
	}
}

// ready returns why tokens cannot be verified yet, or nil if they can.
func (a *access) ready() error {
	for _, r := range a.remotes {
		if err := r.Err(); err != nil {
			return err
		}
	}
	return nil
}

// listenLocal listens on the unix socket of the data directory. It returns nil without a
// data directory, and if the path is too long for a socket: the command line uses the
// address and the token then.
func (c *Config) listenLocal() (net.Listener, error) {
	if c.DataDir == "" {
		return nil, nil
	}
	path := filepath.Join(c.DataDir, SocketFile)
	if err := unixsocket.CheckPath(path); err != nil {
		c.Log.Warn("the API is not served on a unix socket", "err", err)
		return nil, nil
	}
	return unixsocket.Listen(path, 0o600)
}

// writeMetrics writes the metrics of access in the text format.
func (a *access) writeMetrics(w io.Writer) {
	if a.file != nil {
		a.file.WriteMetrics(w)
	}
	if a.tls != nil {
		a.tls.WriteMetrics(w)
	}
	remotes := a.remotes
	if a.oidc != nil {
		a.oidc.WriteMetrics(w)
		if keys := a.oidc.Keys(); keys != nil {
			remotes = append(slices.Clip(remotes), keys)
		}
	}
	jwks.WriteMetrics(w, remotes...)
	a.writeAuditMetrics(w)
}
