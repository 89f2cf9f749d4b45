package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// Cookie is the name of the cookie in which DC/OS clients send the token.
const Cookie = "dcos-acs-auth-cookie"

// maxTries bounds how many credentials of one request are compared.
const maxTries = 8

// Guard accepts requests that carry the token.
type Guard struct {
	sum   [sha256.Size]byte
	admin *Principal
}

// NewGuard returns a Guard for a token. It returns an error for a weak or empty token, so
// that a missing token never means that all requests are allowed.
func NewGuard(token string) (*Guard, error) {
	if err := checkToken(token); err != nil {
		return nil, err
	}
	return &Guard{
		sum:   sha256.Sum256([]byte(token)),
		admin: newPrincipal(AdminName, nil, MethodToken, time.Time{}),
	}, nil
}

// Allowed reports whether a request carries the token T: in the header "Authorization:
// Bearer T", in DC/OS' header "Authorization: token=T", in the query as token=T, or in
// the cookie dcos-acs-auth-cookie.
func (g *Guard) Allowed(r *http.Request) bool {
	tries := 0
	ok := 0
	try := func(token string) {
		if tries++; token != "" && tries <= maxTries {
			// All sums have the same length, so that the time does not depend on the token.
			sum := sha256.Sum256([]byte(token))
			ok |= subtle.ConstantTimeCompare(sum[:], g.sum[:])
		}
	}
	for _, h := range r.Header.Values("Authorization") {
		try(credential(h))
	}
	if strings.Contains(r.URL.RawQuery, "token=") {
		for _, t := range r.URL.Query()["token"] {
			try(t)
		}
	}
	for _, c := range r.CookiesNamed(Cookie) {
		try(c.Value)
	}
	return ok == 1
}

// credential returns the token in an Authorization header, "" for another scheme.
func credential(h string) string {
	h = strings.TrimSpace(h)
	if t, ok := strings.CutPrefix(h, "token="); ok {
		return t
	}
	scheme, t, ok := strings.Cut(h, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(t)
}

// Principal returns who sent a request: the admin if it carries the token, else nil.
func (g *Guard) Principal(r *http.Request) *Principal {
	if !g.Allowed(r) {
		return nil
	}
	return g.admin
}

// Handler returns a handler that calls next for requests that carry the token, and for
// those that open accepts without one. The context of a request with the token carries
// the admin's Principal. For all others it sets the WWW-Authenticate header and calls
// denied.
func (g *Guard) Handler(next, denied http.Handler, open func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := g.Principal(r)
		switch {
		case p != nil:
			r = r.WithContext(With(r.Context(), p))
		case !open(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="daytwo"`)
			denied.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
