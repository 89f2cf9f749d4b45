// Package gate finds out who sends an HTTP request: by the peer of a unix socket, the admin
// token, a signed token, or a client certificate. It decides nothing of what they may do.
//
// A request brings one credential. Several Authorization headers or several cookies are
// refused: which of them another program in between has looked at cannot be known. A header
// counts before a cookie. What a browser adds by itself, a cookie or a password, counts only for requests that
// no other web page can have caused.
package gate
