package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
)

// panics counts the requests of this process whose handlers panicked.
var panics atomic.Uint64

// Panics returns how many requests of this process had a handler that panicked.
func Panics() uint64 { return panics.Load() }

// survivePanics answers a request whose handler panics with status 500, or cuts
// the connection if a part of the answer is out already: nothing else tells the
// client that the rest is missing. The panic is counted, and logged with its
// stack.
func survivePanics(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := &beginning{ResponseWriter: w}
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler { // net/http's own way to cut a connection
				panic(reason)
			}
			panics.Add(1)
			log.Error("the handler of a request panicked", "method", r.Method, "path", r.URL.Path,
				"err", fmt.Sprint(reason), "stack", string(debug.Stack()))
			if begun.wrote {
				panic(http.ErrAbortHandler)
			}
			clear(w.Header())
			WriteError(w, errors.New("internal error: it is in the log"))
		}()
		next.ServeHTTP(begun, r)
	})
}

// beginning notes whether a part of an answer is written.
type beginning struct {
	http.ResponseWriter
	wrote bool
}

// Unwrap gives http.ResponseController the writer's other methods.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *beginning) WriteHeader(status int) {
	b.wrote = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.wrote = true
	return b.ResponseWriter.Write(p)
}
