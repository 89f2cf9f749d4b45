package logs

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/query"
)

// errNoTime is the cause of a context whose time for counting is over.
var errNoTime = errors.New("no time is left to read all entries")

// counting returns a context for what has to read entries and may end before it has read all.
func (n *Node) counting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, n.o.Counting, errNoTime)
}

// unfinished returns the error of what counted with a context of counting: a
// *query.PartialError if it had no time to read all.
func (n *Node) unfinished(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == errNoTime &&
		(errors.Is(err, errNoTime) || errors.Is(err, context.DeadlineExceeded)) {
		return &query.PartialError{Unfinished: []string{n.o.Agent}}
	}
	return err
}
