package sessions

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/collector/sessions/sealed"
)

// Options of a Manager.
type Options struct {
	Agent string
	Dir   string // of sockets and records, for this manager alone; it is made if need be
	// Find returns the running container of an id. ErrNoContainer is that there is none.
	Find func(ctx context.Context, id string) (Container, error)
	// Keys are those of relays that may allow sessions; without one, all are refused. KeysFile
	// has them if it is not "", and is read again when it changes.
	Keys     []ed25519.PublicKey
	KeysFile string
	// Policy is the node's own policy, which narrows what relays allow; nil narrows nothing. It
	// has to be one that fails closed, and PolicyChanged to be called when it changes.
	Policy *policy.File
	// PolicyFile is where Policy is read from, for Doctor; "" for none.
	PolicyFile string
	// Labels returns what this node knows of a container, for Policy.
	Labels func(id string) []frame.Label
	// KeysNeeded makes a missing KeysFile a failure for Doctor.
	KeysNeeded bool
	NodeExec   bool       // relays may allow commands on the node itself, in no container
	Audit      *audit.Log // nil writes nothing
	Max        int        // sessions at once; default 1000
	Limits     session.Limits
	Orphaned   time.Duration            // see keeper.Config
	Helper     func() (*os.File, error) // the program that keeps a session; default sealed.Helper
	Toolbox    func() (*os.File, error) // the program that has all tools; default sealed.Toolbox
	Log        *slog.Logger             // default slog.Default()
}

// Container is a running container of this node.
type Container struct {
	session.Container
	PID  int // of its first process
	Name string
}

// Errors that requests end with.
var (
	ErrNoContainer = errors.New("no such container runs on this node")
	errRestarted   = errors.New("it was started again since the session was allowed: ask again")
	errOff         = errors.New("this node takes no sessions, as it knows the key of no relay: give its collector " +
		"the file with the relays' public keys (--session-keys)")
	errNodeOff = errors.New("this node runs no commands outside of containers: start its collector with --node-exec")
)

// Default limits of a node, which a grant can only narrow.
var defaultLimits = session.Limits{Idle: 4 * time.Hour, Total: 24 * time.Hour, Detached: 2 * time.Minute}

const (
	defaultMax = 1000
	endedFor   = 5 * time.Minute // how long the exit of a session that has ended is known
	maxEnded   = 10_000
	startFor   = 15 * time.Second // within which a keeper has to answer
)

func (o *Options) defaults() {
	if o.Max == 0 {
		o.Max = defaultMax
	}
	if o.Helper == nil {
		o.Helper = sealed.Helper
	}
	if o.Toolbox == nil {
		o.Toolbox = sealed.Toolbox
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	narrow(&o.Limits, defaultLimits)
}

// narrow sets limits that are not set, or larger, to others.
func narrow(l *session.Limits, most session.Limits) {
	for _, p := range []struct{ d, most *time.Duration }{{&l.Idle, &most.Idle}, {&l.Total, &most.Total},
		{&l.Detached, &most.Detached}} {
		if *p.d == 0 || *p.d > *p.most {
			*p.d = *p.most
		}
	}
}
