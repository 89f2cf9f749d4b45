package broker

import (
	"context"
	"errors"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// Waiting says that a request waits for another person's approval.
type Waiting struct {
	Session string
	For     string // who may give it, for people
	Until   time.Time
}

// Pending is a request that waits, as others see it.
type Pending struct {
	Session   string // the id that Approve and Deny take
	Agent     string
	Container session.Container
	Tags      map[string]string // origin tags of the container
	Principal string            // who asks
	From      string
	Command   session.Command
	Rights    []session.Right
	Reason    string
	For       string // who may approve it, for people
	Asked     time.Time
	Until     time.Time
	Yours     bool // the asker may approve it
}

// Approvals are the requests for sessions that wait for another person's approval. An asker who
// may not see one is answered as if it did not exist.
type Approvals interface {
	Requests(ctx context.Context, a *Asker) ([]Pending, error)
	// Approve lets the session be opened, exactly as it was asked for, once.
	Approve(ctx context.Context, a *Asker, session string) error
	// Deny refuses it. Who asks for it may, too, and so withdraws.
	Deny(ctx context.Context, a *Asker, session, why string) error
}

// Errors of Approvals, beside those of a node (rpc.Error).
var (
	ErrNoRequest = errors.New("no such request waits for an approval: it was decided about, was withdrawn or is too old")
	ErrConflict  = errors.New("somebody was faster")
)
