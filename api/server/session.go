package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/console"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// maxCookie is what browsers take for one cookie, bytes with its name and attributes
// (RFC 6265 §6.1).
const maxCookie = 4000

// longestSession bounds how long a browser keeps a cookie.
const longestSession = 12 * time.Hour

// sessionRoutes sign browsers in and out. Their token is in a cookie that no script can read.
func (s *server) sessionRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/api/v1/auth/methods", Handle: s.signInMethods},
		{Method: "POST", Path: "/api/v1/auth/session", Handle: s.openSession},
		{Method: "GET", Path: "/api/v1/auth/session", Handle: s.session},
		{Method: "DELETE", Path: "/api/v1/auth/session", Handle: s.closeSession},
		{Method: "GET", Path: "/api/v1/auth/explain", Handle: s.explain},
	}
}

// signInMethods answers GET /api/v1/auth/methods.
func (s *server) signInMethods(w http.ResponseWriter, r *http.Request) error {
	m := v1.SignInMethods{Password: s.SignIn != nil}
	if s.OIDC != nil {
		m.OIDC = &v1.OIDC{Issuer: s.OIDC.Issuer(), Device: s.OIDC.HasDevice()}
	}
	return web.WriteJSON(w, r, m)
}

// openSession answers POST /api/v1/auth/session. Pages of other servers must not sign anybody
// in, not even as themselves.
func (s *server) openSession(w http.ResponseWriter, r *http.Request) error {
	if s.Gate.ForeignPage(r) {
		return errForeignPage
	}
	var q struct {
		Token    string `json:"token"`
		UserID   string `json:"uid"`
		Password string `json:"password"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCookie)).Decode(&q)
	if err != nil || (q.Token == "") == (q.UserID == "") {
		return web.BadRequest(`the body must be {"uid":"NAME","password":"PASSWORD"} or {"token":"TOKEN"}`)
	}
	if q.UserID != "" {
		if q.Token, err = s.checkPassword(w, r, q.UserID, q.Password); err != nil {
			return err
		}
	}
	err = s.signInBrowser(w, r, q.Token)
	if q.UserID == "" { // the other is in the audit log already
		s.recordLogin(r, "", err)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// signInBrowser lets a browser keep a token, or returns the answer to one that is not valid.
// Instead of the admin token it gets one that expires, as a browser sends its cookies to
// every port of a machine.
func (s *server) signInBrowser(w http.ResponseWriter, r *http.Request, token string) error {
	p, err := s.Gate.Bearer(r.Context(), token)
	if err == nil && p.Admin() && p.Expires().IsZero() {
		if s.SignIn == nil {
			return errNoUsers
		}
		if token, err = s.SignIn.Session(); err != nil {
			return err
		}
		p, err = s.Gate.Bearer(r.Context(), token)
	}
	if err != nil {
		return &web.Error{Status: http.StatusUnauthorized, Message: "the token is not valid"}
	}
	return s.setCookie(w, r, token, p.Expires())
}

// setCookie lets a browser keep a token until it expires.
func (s *server) setCookie(w http.ResponseWriter, r *http.Request, token string, expires time.Time) error {
	c := s.cookie(r, auth.Cookie, token)
	c.SameSite = http.SameSiteStrictMode // the page that it opens requests all else itself
	c.MaxAge = int(min(time.Until(expires), longestSession).Seconds())
	if expires.IsZero() {
		c.MaxAge = int(longestSession.Seconds())
	}
	if len(c.String()) > maxCookie {
		return &web.Error{Status: http.StatusUnprocessableEntity,
			Message: "the token is too long for a browser's cookie: too many groups"}
	}
	http.SetCookie(w, c)
	w.Header().Set("Cache-Control", "no-store")
	return nil
}

// cookie returns a cookie that no script can read, and that is sent over TLS only if users
// reach the relay so.
func (s *server) cookie(r *http.Request, name, value string) *http.Cookie {
	secure := r.TLS != nil || s.Public != nil && s.Public.Scheme == "https"
	return &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode}
}

// session answers GET /api/v1/auth/session.
func (s *server) session(w http.ResponseWriter, r *http.Request) error {
	p := auth.From(r.Context())
	a := v1.Session{Name: p.Name(), Groups: append([]string{}, p.Groups()...), Method: string(p.Method())}
	if t := p.Expires(); !t.IsZero() {
		t = t.UTC()
		a.Expires = &t
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, r, a)
}

// closeSession answers DELETE /api/v1/auth/session.
func (s *server) closeSession(w http.ResponseWriter, r *http.Request) error {
	if s.Gate.ForeignPage(r) {
		return errForeignPage
	}
	s.dropCookie(w, r, auth.Cookie)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// dropCookie lets a browser forget a cookie.
func (s *server) dropCookie(w http.ResponseWriter, r *http.Request, name string) {
	c := s.cookie(r, name, "")
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// console answers GET /. A token in the address signs the browser in, and is taken out of the
// address at once; one in a link on another server's page does nothing.
func (s *server) console(w http.ResponseWriter, r *http.Request) error {
	if !r.URL.Query().Has("token") {
		console.Handler.ServeHTTP(w, r)
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		// The page asks to sign in if it fails.
		s.recordLogin(r, "", s.signInBrowser(w, r, r.URL.Query().Get("token")))
	}
	seeOther(w, "./")
	return nil
}
