package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// maxHeader bounds the headers of a request, in bytes.
const maxHeader = 64 << 10

// NewHTTPServer returns a server with timeouts and limits against slow and abusive clients.
// A panic of the handler ends only its request. Shutdown ends the streams. If log is nil, it uses slog.Default().
func NewHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.Default()
	}
	closing, closed := context.WithCancel(context.Background())
	srv := &http.Server{
		Handler:           survivePanics(h, log),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), closingKey{}, closing)
		},
	}
	srv.RegisterOnShutdown(closed)
	return srv
}
