package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/daytwo/daytwo/api/query"
)

// Error is an answer with an error status.
type Error struct {
	Status  int    // HTTP status
	Message string // what is wrong, and what the client can do
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

// clientClosedRequest is nginx's status for a client that has closed the connection. No
// client ever receives it.
const clientClosedRequest = 499

// asError returns the answer for an error: err itself if it is an *Error, one with a fitting
// status for errors of the packages query and context, else status 500.
func asError(err error) *Error {
	var e *Error
	var ambiguous *query.AmbiguousError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, query.ErrUnknownAgent):
		return &Error{http.StatusNotFound, "unknown agent: GET /api/v1/agents lists all"}
	case errors.Is(err, query.ErrNoSink):
		return &Error{http.StatusNotFound, err.Error() + ": GET /api/v1/sinks lists all"}
	case errors.Is(err, query.ErrNoSinkAnswer), errors.Is(err, query.ErrNoDead):
		return &Error{http.StatusServiceUnavailable, err.Error()}
	case errors.Is(err, query.ErrNoSuchSource), errors.Is(err, query.ErrNoJournal):
		return &Error{http.StatusNotFound, err.Error()}
	case errors.Is(err, query.ErrBadCursor), errors.Is(err, query.ErrBadLogQuery):
		return &Error{http.StatusBadRequest, err.Error()}
	case errors.As(err, &ambiguous):
		return &Error{http.StatusConflict, err.Error()}
	case errors.Is(err, query.ErrTooMany), errors.Is(err, query.ErrTooLong):
		return &Error{http.StatusUnprocessableEntity, err.Error()}
	case errors.Is(err, query.ErrNoHistory):
		return &Error{http.StatusNotImplemented, err.Error()}
	case errors.Is(err, query.ErrNoTick), errors.Is(err, query.ErrStalled):
		return &Error{http.StatusServiceUnavailable, err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{http.StatusServiceUnavailable,
			"the answer took too long: narrow it by agent, match, time or step"}
	case errors.Is(err, context.Canceled):
		return &Error{clientClosedRequest, "the client closed the connection"}
	}
	return &Error{http.StatusInternalServerError, err.Error()}
}

// unexpected reports whether an error has to be logged: it is neither the client's mistake
// nor a temporary state.
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
