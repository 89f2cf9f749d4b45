package web

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
)

// panics counts the requests of this process whose handlers panicked.
var panics atomic.Uint64

// Panics returns how many requests of this process had a handler that panicked.
func Panics() uint64 { return panics.Load() }

// survivePanics answers a request whose handler panics with status 500. If a part of the
// answer has been sent already, it closes the connection, which is the only way to tell the
// client that the rest is missing. It counts the panic, and logs it with its stack.
func survivePanics(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := &beginning{ResponseWriter: w}
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler { // net/http's way to close a connection
				panic(reason)
			}
			panics.Add(1)
			log.Error("the handler of a request panicked", "method", r.Method, "path", r.URL.Path,
				"panic", reason, "stack", string(debug.Stack()))
			if begun.wrote {
				panic(http.ErrAbortHandler)
			}
			clear(w.Header())
			WriteError(w, errors.New("internal error, see the server's log"))
		}()
		next.ServeHTTP(begun, r)
	})
}

// beginning records whether a part of an answer has been written.
type beginning struct {
	http.ResponseWriter
	wrote bool
}

// Unwrap returns the underlying writer, for http.ResponseController.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *beginning) WriteHeader(status int) {
	b.wrote = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.wrote = true
	return b.ResponseWriter.Write(p)
}
