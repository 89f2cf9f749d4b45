package relay

import (
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/server"
)

// tokenValid is how long the token of a local user is valid, and the session of an admin.
const tokenValid = 12 * time.Hour

// signIn signs local users in.
type signIn struct {
	users    *users.Store
	issuer   *issuer.Issuer
	own      *jwt.Verifier
	guard    *auth.Guard
	throttle users.Throttle
}

// openSignIn opens the users and the key in a data directory.
func openSignIn(dir string, guard *auth.Guard, log *slog.Logger) (*signIn, error) {
	s := &signIn{guard: guard}
	var err error
	if s.users, err = users.Open(filepath.Join(dir, users.FileName)); err != nil {
		return nil, err
	}
	if s.issuer, err = issuer.Open(filepath.Join(dir, issuer.KeyFile), log); err != nil {
		return nil, err
	}
	s.own, err = jwt.New(jwt.Options{
		Keys: fixedKeys{s.issuer.Keys()}, Issuer: issuer.Name, Audience: issuer.Audience, Log: log,
	})
	return s, err
}

// groups returns the groups of a user, and whether there is one.
func (s *signIn) groups(name string) ([]string, bool) {
	u, err := s.users.Get(name)
	return u.Groups, err == nil
}

// Groups implements server.SignIn.
func (s *signIn) Groups(name string) []string {
	groups, _ := s.groups(name)
	return groups
}

// Login implements server.SignIn.
func (s *signIn) Login(name, password, address string) (string, error) {
	if wait := s.throttle.Wait(name, address); wait > 0 {
		return "", &server.WaitError{For: wait}
	}
	u, err := s.users.Check(name, password)
	if errors.Is(err, users.ErrPassword) {
		return "", server.ErrLogin
	}
	if err != nil {
		return "", err
	}
	s.throttle.Succeeded(name, address)
	return s.issuer.Sign(u.Name, nil, tokenValid, true)
}

// JWKS implements server.SignIn.
func (s *signIn) JWKS() ([]byte, error) { return s.issuer.JWKS() }

// Session implements server.SignIn.
func (s *signIn) Session() (string, error) {
	return s.issuer.SignSession(auth.AdminName, s.guard.Session(), tokenValid)
}
