package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/daytwo/daytwo/api/query"
)

// Error is an answer other than success.
type Error struct {
	Status  int    // HTTP status
	Message string // what is wrong, and what to do
}

func (e *Error) Error() string { return e.Message }

// BadRequest returns an Error with status 400.
func BadRequest(format string, args ...any) error {
	return &Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// NotFound returns an Error with status 404.
func NotFound(format string, args ...any) error {
	return &Error{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// clientClosedRequest is nginx's status for a client that went away, which no
// client ever reads.
const clientClosedRequest = 499

// asError returns the answer for an error: itself if it is an Error, the
// status of the errors of package query and context, else status 500.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, query.ErrUnknownAgent):
		return &Error{http.StatusNotFound, "unknown agent: GET /api/v1/agents lists those there are"}
	case errors.Is(err, query.ErrTooMany), errors.Is(err, query.ErrTooLong):
		return &Error{http.StatusUnprocessableEntity, err.Error()}
	case errors.Is(err, query.ErrNoHistory):
		return &Error{http.StatusNotImplemented, err.Error()}
	case errors.Is(err, query.ErrNoTick):
		return &Error{http.StatusServiceUnavailable, err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{http.StatusServiceUnavailable,
			"the answer took too long: narrow it by agent, match, time or step"}
	case errors.Is(err, context.Canceled):
		return &Error{clientClosedRequest, "the client went away"}
	}
	return &Error{http.StatusInternalServerError, err.Error()}
}

// unexpected reports whether an error is a fault of the server, to be logged:
// neither the client's mistake nor a state that passes.
func (e *Error) unexpected() bool {
	return e.Status >= 500 && e.Status != http.StatusServiceUnavailable && e.Status != http.StatusNotImplemented
}

// WriteError answers with an error's status and JSON {"error": "..."}.
func WriteError(w http.ResponseWriter, err error) {
	e := asError(err)
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(e.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // people read it too
	_ = enc.Encode(struct {
		Error string `json:"error"`
	}{e.Message})
}
