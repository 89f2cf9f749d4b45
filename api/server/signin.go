package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/server/web"
)

// SignIn signs local users in.
type SignIn interface {
	// Login returns a token for a user with a password, ErrLogin, or a *WaitError for one who
	// guesses too fast. address is where the request comes from.
	Login(name, password, address string) (token string, err error)
	// JWKS returns the key set that verifies the tokens.
	JWKS() ([]byte, error)
	// Groups returns the groups of a local user, none for others.
	Groups(name string) []string
	// Session returns a token for a browser in which the local admin signs in.
	Session() (token string, err error)
}

// ErrLogin is the error for a wrong name or password; it does not say which of them.
var ErrLogin = errors.New("the name or the password is wrong")

// WaitError is the error for somebody who has to wait before trying again.
type WaitError struct{ For time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many failed attempts: try again in %v", e.For.Round(time.Second))
}

var errNoUsers = &web.Error{Status: http.StatusNotImplemented,
	Message: "this relay has no local users: start it with --data DIR"}

// maxLogin bounds the body of a request to sign in, bytes.
const maxLogin = 4 << 10

// signInRoutes are those of DC/OS' identity service that its clients use.
func (s *server) signInRoutes() []web.Route {
	return []web.Route{
		{Method: "POST", Path: "/acs/api/v1/auth/login", Handle: s.login},
		{Method: "GET", Path: "/acs/api/v1/auth/jwks", Handle: s.jwks},
		{Method: "GET", Path: "/acs/api/v1/auth/providers", Handle: s.providers},
		{Method: "GET", Path: "/pkgpanda/active.buildinfo.full.json", Handle: s.buildInfo},
	}
}

// login answers POST /acs/api/v1/auth/login.
func (s *server) login(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		UserID   string `json:"uid"`
		Password string `json:"password"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLogin)).Decode(&q); err != nil || q.UserID == "" {
		return web.BadRequest(`the body must be {"uid":"NAME","password":"PASSWORD"}`)
	}
	token, err := s.checkPassword(w, r, q.UserID, q.Password)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, r, struct {
		Token string `json:"token"`
	}{token})
}

// checkPassword returns a token for a local user, or the answer to one with another password.
func (s *server) checkPassword(w http.ResponseWriter, r *http.Request, name, password string) (string, error) {
	if s.SignIn == nil {
		return "", errNoUsers
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	token, err := s.SignIn.Login(name, password, address)
	s.recordLogin(r, name, err)
	var wait *WaitError
	switch {
	case errors.As(err, &wait):
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(wait.For.Seconds()))))
		return "", &web.Error{Status: http.StatusTooManyRequests, Message: err.Error()}
	case errors.Is(err, ErrLogin):
		return "", &web.Error{Status: http.StatusUnauthorized, Message: err.Error()}
	}
	return token, err
}

// recordLogin adds an attempt to sign in to the audit log.
func (s *server) recordLogin(r *http.Request, name string, err error) {
	if s.Audit == nil {
		return
	}
	rec := audit.Record{From: r.RemoteAddr, What: r.Method + " " + r.URL.Path, Object: name, Decision: audit.Allowed}
	if err != nil {
		rec.Decision, rec.Error = audit.Refused, err.Error()
	}
	s.Audit(rec)
}

// jwks answers GET /acs/api/v1/auth/jwks.
func (s *server) jwks(w http.ResponseWriter, r *http.Request) error {
	if s.SignIn == nil {
		return web.NotFound("this relay signs no tokens")
	}
	doc, err := s.SignIn.JWKS()
	if err != nil {
		return err
	}
	web.WriteBody(w, r, web.JSONType, doc)
	return nil
}

// providers answers GET /acs/api/v1/auth/providers: how DC/OS' command line may sign in.
func (s *server) providers(w http.ResponseWriter, r *http.Request) error {
	type config struct {
		URL string `json:"start_flow_url"`
	}
	type provider struct {
		Type        string `json:"authentication-type"`
		Method      string `json:"client-method"`
		Config      config `json:"config"`
		Description string `json:"description"`
	}
	all := map[string]provider{}
	if s.SignIn != nil {
		all["dcos-users"] = provider{"dcos-uid-password", "dcos-usercredential-post-receive-authtoken",
			config{"/acs/api/v1/auth/login"}, "Local users"}
	}
	return web.WriteJSON(w, r, all)
}

// buildInfo answers GET /pkgpanda/active.buildinfo.full.json, which DC/OS' command line asks
// for to find out whether it has to sign in. There are no packages.
func (s *server) buildInfo(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, r, struct{}{})
}
