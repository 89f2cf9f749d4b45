package server

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// NodeMetricsHandler serves one node without asking for a token, so listen on
// loopback with it: its metrics at /metrics as cAdvisor and node_exporter do,
// /healthz, and DC/OS' metrics API for this node. extra, which may be nil,
// adds to /metrics in the text format 0.0.4.
func NodeMetricsHandler(fleet query.Fleet, agent string, extra func(io.Writer)) http.Handler {
	s := &server{Options: Options{Fleet: fleet, Agent: agent, Log: slog.Default()}, scraper: newScraper(false), now: time.Now}
	mux := http.NewServeMux()
	handle := func(path string, h func(*server, http.ResponseWriter, *http.Request) error) {
		methods := map[string]route{"GET": {"GET", path, true, h}}
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.dispatch(w, r, methods) })
	}
	handle("/healthz", (*server).healthz)
	handle("/metrics", func(s *server, w http.ResponseWriter, r *http.Request) error {
		return s.scraper.serve(w, r, func() ([]*frame.Batch, error) {
			b, err := query.Snapshot(s.Fleet, agent)
			if err != nil {
				return nil, err
			}
			return []*frame.Batch{b}, nil
		}, nil, extra)
	})
	for _, rt := range dcosRoutes[:len(dcosRoutes)/2] { // those of this node
		handle(rt.path, rt.handle)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, notFound("no such path: there are /metrics, /healthz and /system/v1/metrics/v0/"))
	})
	return s.wrap(ownHost(mux))
}

// ownHost refuses requests that reached a loopback address by a name of their
// own making: a web page may have its name resolve to this machine, and read
// what answers (DNS rebinding).
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if local != nil && local.IP.IsLoopback() && !ownName(r.Host) {
			writeError(w, &httpError{http.StatusForbidden, "ask for this by an IP address or as localhost"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func ownName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || host == "" || net.ParseIP(trimBrackets(host)) != nil
}

func trimBrackets(s string) string {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		return s[1 : len(s)-1]
	}
	return s
}
