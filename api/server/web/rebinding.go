package web

import (
	"net"
	"net/http"
)

// RefuseRebinding refuses requests that reached a loopback address by a name
// other than localhost: a web page may make its name resolve to this machine
// and read what answers (DNS rebinding).
func RefuseRebinding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if local != nil && local.IP.IsLoopback() && !localName(r.Host) {
			WriteError(w, &Error{http.StatusForbidden, "ask for this by an IP address or as localhost"})
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
