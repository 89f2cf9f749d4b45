package kube

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
)

// status is a Status of Kubernetes' API, version 1, as channel 3 has it.
type status struct {
	Metadata struct{} `json:"metadata"`
	Status   string   `json:"status"` // "Success" or "Failure"
	Message  string   `json:"message,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Details  *details `json:"details,omitempty"`
	Code     int      `json:"code,omitempty"` // as of HTTP
}

type details struct {
	Causes []cause `json:"causes"`
}

type cause struct {
	Type    string `json:"reason"`
	Message string `json:"message"`
}

// Reasons of a status.
const (
	exitCode = "NonZeroExitCode"
	internal = "InternalError"
)

// failure returns a status that is no success. Its cause has the exit code in each case: some
// clients look for nothing else.
func failure(reason, message string, code int) *status {
	return &status{Status: "Failure", Reason: reason, Message: message,
		Details: &details{[]cause{{"ExitCode", strconv.Itoa(code)}}}}
}

// ofExit returns the status for how a session ended. Clients show the message only where the
// reason is none that they know: so it has exitCode only if the code is the program's own.
func ofExit(e session.Exit, lost uint64) *status {
	switch {
	case lost > 0:
		return failure(internal, strconv.FormatUint(lost, 10)+" bytes of output were lost", session.CodeLost)
	case e.Success():
		return &status{Status: "Success"}
	case e.Reason == session.Exited || e.Reason == session.OutOfMemory:
		return failure(exitCode, e.String(), max(e.Code, 1))
	}
	return failure(internal, e.String(), max(e.Code, 1))
}

// reasons are those of a status for statuses of HTTP.
var reasons = map[int]string{
	http.StatusBadRequest:         "BadRequest",
	http.StatusForbidden:          "Forbidden",
	http.StatusNotFound:           "NotFound",
	http.StatusConflict:           "Conflict",
	http.StatusTooManyRequests:    "TooManyRequests",
	http.StatusServiceUnavailable: "ServiceUnavailable",
}

// ofError returns the status for a session that could not be opened.
func ofError(err error) *status {
	s := failure(internal, err.Error(), session.CodeNotStarted)
	s.Code = http.StatusInternalServerError
	var e *web.Error
	if errors.As(err, &e) {
		s.Code = e.Status
	}
	if reason, ok := reasons[s.Code]; ok {
		s.Reason = reason
	}
	return s
}
