package web

import (
	"net/http"
	"time"
)

// maxHeader bounds the headers of a request, in bytes.
const maxHeader = 64 << 10

// NewHTTPServer returns a server with limits that neither slow nor greedy
// clients can wear out.
func NewHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
	}
}
