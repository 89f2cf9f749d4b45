package gate

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/api/auth"
)

// maxCredential bounds a credential, bytes.
const maxCredential = 16 << 10

// credential returns the token of a request, "" for none, and whether a browser may have
// added it by itself: from a cookie, or as a password (Basic).
func credential(r *http.Request) (token string, ambient bool, err error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", false, errors.New("it has several Authorization headers")
	}
	if len(headers) == 1 {
		if token, ambient = headerToken(headers[0]); token == "" {
			return "", false, errors.New("its Authorization header is neither 'Bearer TOKEN' nor 'token=TOKEN', " +
				"nor Basic with a token as the password")
		}
	}
	if token == "" {
		cookies := r.CookiesNamed(auth.Cookie)
		if len(cookies) > 1 {
			return "", false, errors.New("it has several cookies " + auth.Cookie)
		}
		if len(cookies) == 1 {
			token, ambient = cookies[0].Value, true
		}
	}
	if len(token) > maxCredential {
		return "", false, errors.New("its token is too long")
	}
	return token, ambient, nil
}

// headerToken returns the token in an Authorization header, "" for another form: "Bearer T"
// (RFC 6750), "token=T", as DC/OS has it, or the password of Basic (RFC 7617), for programs
// that know nothing else, such as systemd-journal-remote. The user's name does not count.
func headerToken(h string) (token string, basic bool) {
	h = strings.TrimSpace(h)
	if t, ok := strings.CutPrefix(h, "token="); ok {
		return t, false
	}
	scheme, t, _ := strings.Cut(h, " ")
	t = strings.TrimSpace(t)
	switch {
	case strings.EqualFold(scheme, "bearer"):
		return t, false
	case strings.EqualFold(scheme, "basic"):
		text, err := base64.StdEncoding.DecodeString(t)
		if err != nil {
			return "", true
		}
		_, password, _ := strings.Cut(string(text), ":")
		return password, true
	}
	return "", false
}

// ownPage reports whether a request with a cookie can only have been caused by a page of
// this server, or by no page: a browser says where a request comes from in Sec-Fetch-Site
// (Fetch Metadata), and in Origin for all but plain reads and for WebSockets.
func (g *Gate) ownPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		// A link on another page may open the console, but not read through it.
		return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return plainRead(r)
	}
	return g.o.Origin != "" && strings.EqualFold(origin, g.o.Origin) || sameHost(origin, r.Host)
}

// ForeignPage reports whether a browser says that a page of another server has caused a
// request. Programs say nothing of pages.
func (g *Gate) ForeignPage(r *http.Request) bool {
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		return false
	}
	return !g.ownPage(r)
}

// plainRead reports whether a request only reads and is not the handshake of a WebSocket.
func plainRead(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == ""
}

// sameHost reports whether an origin is that of a server with this Host header.
func sameHost(origin, host string) bool {
	scheme, rest, ok := strings.Cut(origin, "://")
	return ok && (scheme == "http" || scheme == "https") && rest != "" && strings.EqualFold(rest, host)
}
