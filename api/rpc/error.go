package rpc

import (
	"context"
	"errors"
	"fmt"
)

// Code says of what kind an error is, on both ends of a stream.
type Code string

// Codes of errors.
const (
	Invalid     Code = "invalid"     // the request makes no sense: it fails again
	NotFound    Code = "not_found"   // what it is about is not there
	Denied      Code = "denied"      // it may not be done
	Exhausted   Code = "exhausted"   // a limit is reached: later, or less
	Unavailable Code = "unavailable" // the other end is away, or ends: try again
	Canceled    Code = "canceled"    // the other end reads no more
	Internal    Code = "internal"    // a fault of the other end
)

// Error is how a stream ended that did not end well. It crosses the network.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an *Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf is the code of an error: its own if it is an *Error.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	}
	return Internal
}

// Errors of a stream that the network broke.
var (
	// ErrAway says that no node of the name answers.
	ErrAway = &Error{Unavailable, "the node is not connected"}
	// ErrNoServer says that the client, which is a relay, is not connected to NATS.
	ErrNoServer = &Error{Unavailable, "the relay is not connected to NATS"}
	// ErrSilent says that the other end has sent nothing for too long.
	ErrSilent = &Error{Unavailable, "the other end is silent: it or the network between is gone"}
	// ErrLost says that a message was lost on the way.
	ErrLost = &Error{Unavailable, "a part of the stream was lost on the way"}
)
