package broker

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// Asker is who asks.
type Asker struct {
	Principal *auth.Principal
	From      string                // address of the client
	Policy    func() *policy.Policy // that is in use now
}

// Stream says where the streams of a connection begin, as wire.Hello does.
type Stream struct {
	Client string // a random name that a client keeps when it resumes
	Write  bool   // the client wants to write
	Out    [wire.Streams]struct{ Offset, Window uint64 }
}

// Request opens a session.
type Request struct {
	Session   string // its id, which the client chose; "" for a new one
	Container string // any part of a name, a task or an id that only one container has
	Exact     bool   // Container is the whole id of a container
	Agent     string // the node that runs it; "" for any
	Node      bool   // on the node Agent itself, in no container
	Command   session.Command
	Limits    session.Limits
	Reason    string // why, for whom has to approve and for the audit log
	// Waiting is called while the request waits for another person's approval, again and again.
	// An error of it ends the waiting. Without it such a request is refused.
	Waiting func(*Waiting) error
	Rows    uint16 // size of the terminal
	Cols    uint16
	Stream
}

// Opened is a connection to a session.
type Opened struct {
	Session, Agent string
	Conn           Conn
}

// Conn carries messages of package wire. One goroutine may send while another one receives.
type Conn interface {
	// Next returns whole messages, one or more, which are valid until the next call. It returns
	// io.EOF when the node has ended the connection well.
	Next() ([]byte, error)
	// Send sends whole messages of a client. It waits while the node has no room for them.
	Send(messages []byte) error
	// Allowed reports whether the policy in use still allows what the connection does.
	Allowed() bool
	Close()
}

// Missing is a node that did not tell its sessions.
type Missing struct{ Agent, Reason string }

// Sessions are the sessions of a fleet. An asker who may not see something is answered as if
// it did not exist.
type Sessions interface {
	Open(ctx context.Context, a *Asker, r *Request) (*Opened, error)
	// Attach connects to a session. agent may be "": then all nodes are asked for it.
	Attach(ctx context.Context, a *Asker, agent, session string, s *Stream) (*Opened, error)
	// Watch connects an auditor to a session, who can only see it.
	Watch(ctx context.Context, a *Asker, agent, session string, s *Stream) (*Opened, error)
	// List returns sessions sorted by node and begin, and the nodes that did not tell theirs.
	List(ctx context.Context, a *Asker) (all []sessionrpc.Info, missing []Missing, err error)
	Kill(ctx context.Context, a *Asker, agent, session string) error
}

// Errors of Sessions, beside those of a node (rpc.Error).
var (
	ErrNotFound = errors.New("no such session")
	ErrBad      = errors.New("the request makes no sense")
)

// UnansweredError is that a node did not answer a request, which it may have got: a session that
// it was to open may be there.
type UnansweredError struct {
	Agent string
	Err   error
}

func (e *UnansweredError) Error() string { return e.Err.Error() }
func (e *UnansweredError) Unwrap() error { return e.Err }

// NoContainerError says that no container has a name.
type NoContainerError struct{ Name string }

func (e *NoContainerError) Error() string { return "no running container matches " + e.Name }

// NoNodeError says that no node has an id.
type NoNodeError struct{ Name string }

func (e *NoNodeError) Error() string { return "there is no node with the id " + strconv.Quote(e.Name) }

// AmbiguousError is that several containers match a name.
type AmbiguousError struct {
	Name       string
	Candidates []string // for people: name, id and node
}

func (e *AmbiguousError) Error() string {
	return e.Name + " is ambiguous: it may be\n  " + strings.Join(e.Candidates, "\n  ")
}

// DeniedError says that the policy does not allow something.
type DeniedError struct {
	Who      string
	Right    session.Right
	Action   policy.Action
	Resource policy.Resource
}

func (e *DeniedError) Error() string {
	return e.Who + " may not " + e.Action.String() + " " + e.Resource.String() + " here, which the right " +
		string(e.Right) + " of a session needs: 'daytwo auth explain' says why"
}
