package logrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
)

// failure is an error of query.Logs as JSON, which is the message of an rpc.Error.
type failure struct {
	Kind       string   `json:"kind"`
	Message    string   `json:"message"`
	Selector   string   `json:"selector,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
}

const (
	kindAmbiguous = "ambiguous"
	maxFailure    = 4000 // bytes; a longer message of an rpc.Error is cut
)

// kinds are the errors that keep their identity, with their rpc code.
var kinds = []struct {
	name string
	code rpc.Code
	err  error
}{
	{"no_such_source", rpc.NotFound, query.ErrNoSuchSource},
	{"bad_cursor", rpc.Invalid, query.ErrBadCursor},
	{"bad_query", rpc.Invalid, query.ErrBadLogQuery},
	{"no_journal", rpc.NotFound, query.ErrNoJournal},
	{"unknown_agent", rpc.NotFound, query.ErrUnknownAgent},
	{"unsupported", rpc.Invalid, errors.ErrUnsupported},
}

// encodeError returns an error as a stream carries it.
func encodeError(err error) error {
	var ambiguous *query.AmbiguousError
	if errors.As(err, &ambiguous) {
		f := failure{Kind: kindAmbiguous, Selector: ambiguous.Selector, Candidates: ambiguous.Candidates}
		for {
			b, _ := json.Marshal(f) // it has strings only
			if len(b) <= maxFailure || len(f.Candidates) == 0 {
				return &rpc.Error{Code: rpc.Invalid, Message: string(b)}
			}
			f.Candidates = f.Candidates[:len(f.Candidates)-1]
		}
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			message := err.Error()
			for {
				b, _ := json.Marshal(failure{Kind: k.name, Message: message})
				if len(b) <= maxFailure {
					return &rpc.Error{Code: k.code, Message: string(b)}
				}
				message = message[:len(message)/2]
			}
		}
	}
	return err
}

// remoteError is an error of another process that keeps its identity.
type remoteError struct {
	message string
	is      error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.is }

// decodeError returns the error of a stream as query.Logs has it.
func decodeError(err error) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	var f failure
	if json.Unmarshal([]byte(e.Message), &f) == nil && f.Kind != "" {
		if f.Kind == kindAmbiguous {
			return &query.AmbiguousError{Selector: f.Selector, Candidates: f.Candidates[:min(len(f.Candidates), 20)]}
		}
		for _, k := range kinds {
			if k.name == f.Kind {
				return &remoteError{f.Message, k.err}
			}
		}
	}
	switch e.Code {
	case rpc.Unavailable:
		if e == rpc.ErrAway {
			return query.ErrNodeAway
		}
		return fmt.Errorf("%w: %s", query.ErrNodeAway, e.Message)
	case rpc.Exhausted:
		return fmt.Errorf("%w: %s", query.ErrLogsBusy, e.Message)
	case rpc.Invalid: // the verb is not known there
		return fmt.Errorf("%w: %s", query.ErrNoJournal, e.Message)
	case rpc.Canceled:
		return fmt.Errorf("%w: %s", context.Canceled, e.Message)
	}
	return fmt.Errorf("a fault of the node: %w", e)
}
