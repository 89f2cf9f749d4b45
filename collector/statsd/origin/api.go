package origin

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/server/web"
)

// Server serves the launch API. A nil table means that there is no StatsD server: the
// API then answers 204, and launchers go on without it. A nil log is slog.Default().
func Server(t *Table, log *slog.Logger) *http.Server {
	srv := web.NewHTTPServer(Handler(t), log)
	srv.ReadTimeout, srv.WriteTimeout = 10*time.Second, 10*time.Second
	return srv
}

// WithAgentID adds the node's id to all answers of a server.
func WithAgentID(srv *http.Server, id string) {
	if id == "" {
		return
	}
	h := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(launch.AgentIDHeader, id)
		h.ServeHTTP(w, r)
	})
}

// Handler handles the launch API, which is compatible with the DC/OS metrics isolator.
func Handler(t *Table) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("POST /container", func(w http.ResponseWriter, r *http.Request) {
		req, err := readRequest(http.MaxBytesReader(w, r.Body, launch.MaxBody))
		if err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		if t == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		c, err := t.Add(req)
		switch {
		case errors.Is(err, ErrExists):
			fail(w, http.StatusConflict, err)
		case err != nil:
			fail(w, http.StatusServiceUnavailable, err)
		default:
			answer(w, http.StatusCreated, c)
		}
	})
	mux.HandleFunc("DELETE /container/{id}", func(w http.ResponseWriter, r *http.Request) {
		if t == nil {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		had, err := t.Remove(r.PathValue("id"))
		switch {
		case err != nil:
			fail(w, http.StatusInternalServerError, err)
		case !had:
			fail(w, http.StatusNotFound, errUnknown)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	mux.HandleFunc("GET /container/{id}", func(w http.ResponseWriter, r *http.Request) {
		if t != nil {
			if c, ok := t.Endpoint(r.PathValue("id")); ok {
				answer(w, http.StatusOK, c)
				return
			}
		}
		fail(w, http.StatusNotFound, errUnknown)
	})
	mux.HandleFunc("GET /containers", func(w http.ResponseWriter, _ *http.Request) {
		all := []launch.Container{}
		if t != nil {
			all = t.Endpoints()
		}
		answer(w, http.StatusOK, all)
	})
	return mux
}

var errUnknown = errors.New("no such container")

// readRequest reads and parses the body of POST /container.
func readRequest(body io.Reader) (launch.Request, error) {
	var r launch.Request
	b, err := io.ReadAll(body)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err == nil {
		err = r.Check()
	}
	return r, err
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, code int, err error) {
	answer(w, code, launch.Error{Error: err.Error()})
}
