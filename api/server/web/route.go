package web

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answerTimeout bounds how long a handler may take.
const answerTimeout = 30 * time.Second

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// Handler answers a request, or returns an error before it has written
// anything: an *Error, one of package query, or an unexpected one (status 500).
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one method of one path. GET answers HEAD too.
type Route struct {
	Method string
	Path   string // pattern of http.ServeMux, without method and host
	Handle Handler
	// Stream says that the answer may go on without an end. Its context has no deadline,
	// but ends when the server shuts down. The handler sets the deadlines of the connection.
	Stream bool
}

// Mux returns a handler of routes. It answers other paths with status 404 and the hint, and
// other methods with 405. It logs unexpected errors.
func Mux(routes []Route, hint string, log *slog.Logger) http.Handler {
	byPath := map[string]map[string]Route{}
	for _, rt := range routes {
		if byPath[rt.Path] == nil {
			byPath[rt.Path] = map[string]Route{}
		}
		byPath[rt.Path][rt.Method] = rt
	}
	mux := http.NewServeMux()
	for path, methods := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { dispatch(w, r, methods, log) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		WriteError(w, NotFound("no such path: %s", hint))
	})
	return mux
}

// dispatch calls the handler of the request's method.
func dispatch(w http.ResponseWriter, r *http.Request, methods map[string]Route, log *slog.Logger) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := methods[method]
	if !ok {
		var allow []string
		for m := range methods {
			allow = append(allow, m)
			if m == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
		slices.Sort(allow)
		w.Header().Set("Allow", strings.Join(allow, ", "))
		WriteError(w, &Error{http.StatusMethodNotAllowed,
			r.Method + " is not allowed here: use " + strings.Join(allow, " or ")})
		return
	}
	ctx, cancel := answerContext(r.Context(), route.Stream)
	defer cancel()
	if err := route.Handle(w, r.WithContext(ctx)); err != nil {
		if asError(err).unexpected() {
			log.Error("a request failed", "path", r.URL.Path, "err", err)
		}
		WriteError(w, err)
	}
}

// Bounded bounds the body of requests and the time in which a client has to read an answer,
// and ignores a slash at the end of a path. A semicolon is an ordinary character of a
// query, as in the URL standard: cursors of journald have them, and people paste them.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &boundedBody{http.MaxBytesReader(w, r.Body, maxBody), r.Body}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * answerTimeout))
		if p := r.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") || strings.Contains(r.URL.RawQuery, ";") {
			u := *r.URL
			u.RawQuery = strings.ReplaceAll(u.RawQuery, ";", "%3B")
			u.Path, u.RawPath = strings.TrimRight(p, "/"), strings.TrimRight(u.RawPath, "/")
			if u.Path == "" {
				u.Path = "/"
			}
			r2 := *r
			r2.URL = &u
			r = &r2
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// Healthz answers that the process is running.
func Healthz(w http.ResponseWriter, r *http.Request) error {
	return WriteJSON(w, r, struct {
		OK bool `json:"ok"`
	}{true})
}
