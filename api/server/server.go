package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/console"
	"github.com/daytwo/daytwo/api/query"
)

// Limits of a request.
const (
	answerTimeout = 30 * time.Second // of everything but streams
	maxBody       = 1 << 20          // bytes
	maxHeader     = 64 << 10         // bytes
)

// Options say what a relay serves.
type Options struct {
	Fleet   query.Fleet
	History query.History     // nil if there is none: questions about the past are answered with ErrNoHistory
	Guard   *auth.Guard       // asks for the token
	Agent   string            // id of the agent on this machine, whose metrics are "this node's"; "" if there is none
	Cluster string            // name of the cluster
	Version string            // of the program
	Ready   func() error      // nil result: everything can be answered; may be nil
	Metrics []func(io.Writer) // more for /metrics, in the text format 0.0.4
	Log     *slog.Logger      // nil for slog.Default()
}

// server answers the routes of a relay.
type server struct {
	Options
	scraper *scraper
	now     func() time.Time
}

// New makes the handler of a relay's routes.
func New(o Options) (http.Handler, error) {
	if o.Fleet == nil || o.Guard == nil {
		return nil, errors.New("server: a fleet and a guard are needed")
	}
	if o.History == nil {
		o.History = query.NoHistory{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &server{Options: o, scraper: newScraper(true), now: time.Now}
	denied := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, &httpError{http.StatusUnauthorized, "this needs the token of <data>/token: send it as 'Authorization: Bearer TOKEN' or ?token=TOKEN"})
	})
	mux, open := s.mux()
	return s.wrap(o.Guard.Handler(mux, denied, func(r *http.Request) bool { return open[r.URL.Path] })), nil
}

// Listen makes an HTTP server with limits that neither slow nor greedy clients
// can wear out. Serve it on a listener.
func Listen(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
	}
}

// route is one method and path.
type route struct {
	method string
	path   string // pattern of http.ServeMux
	open   bool   // needs no token
	handle func(s *server, w http.ResponseWriter, r *http.Request) error
}

// routes are all there are. openapi.json describes each, and a test says so.
var routes = slices.Concat(nativeRoutes, dcosRoutes, mesosRoutes)

var nativeRoutes = []route{
	{"GET", "/{$}", true, (*server).console},
	{"GET", "/healthz", true, (*server).healthz},
	{"GET", "/readyz", true, (*server).readyz},
	{"GET", "/metrics", false, (*server).metrics},
	{"GET", "/fleet/metrics", false, (*server).fleetMetrics},
	{"GET", "/api/v1/openapi.json", false, (*server).openapi},
	{"GET", "/api/v1/agents", false, (*server).agents},
	{"GET", "/api/v1/containers", false, (*server).containers},
	{"GET", "/api/v1/query", false, (*server).query},
	{"GET", "/api/v1/statsd", false, (*server).statsd},
	{"GET", "/api/v1/events", false, (*server).events},
}

// mux routes requests; open are the paths that need no token.
func (s *server) mux() (mux *http.ServeMux, open map[string]bool) {
	open = map[string]bool{}
	byPath := map[string]map[string]route{}
	for _, rt := range routes {
		if byPath[rt.path] == nil {
			byPath[rt.path] = map[string]route{}
		}
		byPath[rt.path][rt.method] = rt
		if rt.open {
			open[strings.TrimSuffix(rt.path, "{$}")] = true
		}
	}
	mux = http.NewServeMux()
	for path, methods := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.dispatch(w, r, methods) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, notFound("no such path: GET /api/v1/openapi.json lists those there are"))
	})
	return mux, open
}

// dispatch picks the handler for a method.
func (s *server) dispatch(w http.ResponseWriter, r *http.Request, methods map[string]route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	rt, ok := methods[method]
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
		writeError(w, &httpError{http.StatusMethodNotAllowed, r.Method + " is not allowed here: use " + strings.Join(allow, " or ")})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	if err := rt.handle(s, w, r.WithContext(ctx)); err != nil {
		if code, _ := status(err); code >= 500 && code != http.StatusServiceUnavailable && code != http.StatusNotImplemented {
			s.Log.Error("a request failed", "path", r.URL.Path, "err", err)
		}
		writeError(w, err)
	}
}

// wrap bounds a request, and lets a path end in a slash or not.
func (s *server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		// A client that does not read must not hold its request for ever.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * answerTimeout))
		if p := r.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") {
			u := *r.URL
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

func (s *server) console(w http.ResponseWriter, r *http.Request) error {
	console.Handler.ServeHTTP(w, r)
	return nil
}

// healthz says that the process lives.
func (s *server) healthz(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, r, struct {
		OK bool `json:"ok"`
	}{true})
}

// readyz says whether everything can be answered.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	if s.Ready != nil {
		if err := s.Ready(); err != nil {
			return &httpError{http.StatusServiceUnavailable, err.Error()}
		}
	}
	return s.healthz(w, r)
}

// metrics is the relay about itself.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) error {
	writeMetrics(w, r, append([]func(io.Writer){WriteSelf}, s.Metrics...)...)
	return nil
}
