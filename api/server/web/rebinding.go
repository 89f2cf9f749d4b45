package web

import (
	"net"
	"net/http"
)

// RefuseRebinding refuses requests to a loopback address whose Host header is a name other
// than localhost. A web page can make its own name resolve to this machine, and then read
// the answers (DNS rebinding). known reports whether a request is answered nevertheless; nil is
// none. hint says what else can be done.
func RefuseRebinding(next http.Handler, known func(*http.Request) bool, hint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if local != nil && local.IP.IsLoopback() && !localName(r.Host) && (known == nil || !known(r)) {
			WriteError(w, &Error{http.StatusForbidden,
				"this server accepts only requests to an IP address or to localhost" + hint})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localName reports whether a Host header is an IP address or localhost.
func localName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return host == "localhost" || host == "" || net.ParseIP(host) != nil
}
