package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/daytwo/daytwo/api/query"
	"net/http"
)

// httpError is an answer that is no success: its status, and what to do.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

func badRequest(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &httpError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// status finds the answer for an error.
func status(err error) (int, string) {
	var he *httpError
	switch {
	case errors.As(err, &he):
		return he.status, he.message
	case errors.Is(err, query.ErrUnknownAgent):
		return http.StatusNotFound, "unknown agent: GET /api/v1/agents lists those there are"
	case errors.Is(err, query.ErrTooMany), errors.Is(err, query.ErrTooLong):
		return http.StatusUnprocessableEntity, err.Error()
	case errors.Is(err, query.ErrNoHistory):
		return http.StatusNotImplemented, err.Error()
	case errors.Is(err, query.ErrNoTick), errors.Is(err, errNoFleet):
		return http.StatusServiceUnavailable, err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "the answer took too long: narrow it by agent, match, time or step"
	case errors.Is(err, context.Canceled):
		return 499, "the client went away"
	}
	return http.StatusInternalServerError, err.Error()
}

// writeError answers with JSON {"error": "..."}.
func writeError(w http.ResponseWriter, err error) {
	code, message := status(err)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // it is read by people too
	_ = enc.Encode(struct {
		Error string `json:"error"`
	}{message})
}

// errNoFleet is answered while no agent has been heard of.
var errNoFleet = errors.New("no agent has been heard of yet: is a collector running and connected?")
