package server

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/daytwo/daytwo/api/auth/oidc"
	"github.com/daytwo/daytwo/api/server/web"
)

const (
	callbackPath = "/api/v1/auth/oidc/callback"
	fromCallback = "../../../../" // to the console, also behind a proxy that adds to the path
	flowCookie   = "daytwo-sign-in"
	maxForm      = 64 << 10 // bytes of a body
)

// oidcRoutes sign people in at an identity provider. The last two are those of an OAuth server
// (RFC 6749, RFC 8628), for the command line.
func (s *server) oidcRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/api/v1/auth/oidc/start", Handle: s.oidcStart},
		{Method: "GET", Path: callbackPath, Handle: s.oidcCallback},
		{Method: "POST", Path: "/api/v1/auth/oidc/device", Handle: s.oidcDevice},
		{Method: "POST", Path: "/api/v1/auth/oidc/token", Handle: s.oidcToken},
	}
}

var errNoOIDC = &web.Error{Status: http.StatusNotImplemented,
	Message: "this relay has no identity provider: start it with --oidc-issuer"}

// oidcStart answers GET /api/v1/auth/oidc/start: it sends a browser to the provider. Where a
// program waits for the outcome, no web page may have sent the browser here: the program could
// be somebody else's.
func (s *server) oidcStart(w http.ResponseWriter, r *http.Request) error {
	if s.OIDC == nil {
		return errNoOIDC
	}
	program, err := oidc.ParseProgram(r.URL.Query())
	if err != nil {
		return web.BadRequest("%v", err)
	}
	if site := r.Header.Get("Sec-Fetch-Site"); program != nil && site != "" && site != "none" {
		return errForeignPage
	}
	location, keep, err := s.OIDC.Start(s.origin(r)+callbackPath, program)
	if err != nil {
		s.oidcFailed(w, r, "", "", err)
		return nil
	}
	c := s.cookie(r, flowCookie, keep) // SameSite=Lax: it comes back from the provider's page
	c.MaxAge = int(oidc.FlowTime.Seconds())
	http.SetCookie(w, c)
	seeOther(w, location)
	return nil
}

// oidcCallback answers GET /api/v1/auth/oidc/callback, to which the provider sends browsers
// back. It leads nowhere but to the console, or to the program that waits.
func (s *server) oidcCallback(w http.ResponseWriter, r *http.Request) error {
	if s.OIDC == nil {
		return errNoOIDC
	}
	keep := ""
	if c := r.CookiesNamed(flowCookie); len(c) == 1 {
		keep = c[0].Value
	}
	s.dropCookie(w, r, flowCookie)
	o, err := s.OIDC.Finish(r.Context(), keep, r.URL.Query())
	if err != nil {
		s.oidcFailed(w, r, o.Name, o.Location, err)
		return nil
	}
	if o.Token != "" {
		p, err := s.Gate.Bearer(r.Context(), o.Token)
		if err == nil {
			err = s.setCookie(w, r, o.Token, p.Expires())
		}
		if err != nil {
			s.Log.Warn("somebody cannot stay signed in", "name", o.Name, "err", err)
			s.oidcFailed(w, r, o.Name, "", err)
			return nil
		}
		o.Location = fromCallback
	}
	s.recordLogin(r, o.Name, nil)
	seeOther(w, o.Location)
	return nil
}

// oidcFailed sends a browser to the program that waits, or else to the console, which says why
// signing in failed.
func (s *server) oidcFailed(w http.ResponseWriter, r *http.Request, name, location string, err error) {
	s.recordLogin(r, name, err)
	if location == "" {
		reason := "groups"
		var f *oidc.Failure
		if errors.As(err, &f) {
			reason = string(f.Reason)
		}
		location = fromCallback + "#failed=" + reason
	}
	seeOther(w, location)
}

// seeOther sends a browser elsewhere, without a word of where it has been.
func seeOther(w http.ResponseWriter, location string) {
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

// origin returns the address of the relay for the sender of a request.
func (s *server) origin(r *http.Request) string {
	switch {
	case s.Public != nil:
		return s.Public.String()
	case r.TLS != nil:
		return (&url.URL{Scheme: "https", Host: r.Host}).String()
	}
	return (&url.URL{Scheme: "http", Host: r.Host}).String()
}

// oidcDevice answers POST /api/v1/auth/oidc/device: the device authorization endpoint of
// RFC 8628.
func (s *server) oidcDevice(w http.ResponseWriter, r *http.Request) error {
	if s.OIDC == nil {
		return errNoOIDC
	}
	if s.Gate.ForeignPage(r) {
		return errForeignPage
	}
	a, err := s.OIDC.Device(r.Context())
	if errors.Is(err, oidc.ErrNoDevice) {
		return &web.Error{Status: http.StatusNotImplemented, Message: err.Error()}
	}
	if err != nil {
		return &web.Error{Status: http.StatusServiceUnavailable,
			Message: "the identity provider does not answer as it should: the relay's log says more"}
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, r, a)
}

// oidcToken answers POST /api/v1/auth/oidc/token: a token endpoint for programs that wait
// (RFC 8628 §3.4), or have a code (RFC 6749 §4.1.3).
func (s *server) oidcToken(w http.ResponseWriter, r *http.Request) error {
	if s.OIDC == nil {
		return errNoOIDC
	}
	if s.Gate.ForeignPage(r) {
		return errForeignPage
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var name, token string
	var err error
	switch r.PostFormValue("grant_type") {
	case oidc.DeviceGrant:
		name, token, err = s.OIDC.Poll(r.Context(), r.PostFormValue("device_code"))
	case "authorization_code":
		name, token, err = s.OIDC.Redeem(r.PostFormValue("code"), r.PostFormValue("code_verifier"))
	default:
		return web.BadRequest("unsupported_grant_type")
	}
	w.Header().Set("Cache-Control", "no-store")
	var wait oidc.Wait
	if errors.As(err, &wait) {
		return web.BadRequest("%s", wait)
	}
	s.recordLogin(r, name, err)
	if err != nil {
		return web.BadRequest("%s", grantError(err))
	}
	return web.WriteJSON(w, r, map[string]string{"access_token": token, "token_type": "Bearer"})
}

// grantError returns the code for a failure (RFC 6749 §5.2, RFC 8628 §3.5).
func grantError(err error) string {
	var f *oidc.Failure
	switch {
	case !errors.As(err, &f):
		return "server_error"
	case f.Reason == oidc.Denied:
		return "access_denied"
	case f.Reason == oidc.Expired:
		return "expired_token"
	case f.Reason == oidc.Away:
		return "temporarily_unavailable"
	}
	return "invalid_grant"
}
