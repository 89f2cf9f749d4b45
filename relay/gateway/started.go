package gateway

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// How long a query waits for what was just started.
const (
	minStarted = 2 * time.Second
	maxStarted = 5 * time.Second
)

// readLater opens a query that follows something that no node knows by this name yet, since
// it may just have been started. A node knows a container at its next tick, or one tick
// later if the runtime is slow to report it. If nothing has come by then, readLater returns
// err, the query's first error.
func (g *Gateway) readLater(ctx context.Context, q *query.LogQuery, err error) (*reader, error) {
	agents := g.agents()
	ids, _, chosenErr := g.chosen(q.Agents)
	if chosenErr != nil || !hasSelectors(q) {
		return nil, err
	}
	var interval time.Duration
	for i := range agents {
		if a := &agents[i]; !a.Stale && slices.Contains(ids, a.ID) {
			interval = max(interval, time.Duration(a.Interval))
		}
	}
	if interval > 0 {
		interval = max(interval, minStarted/2)
	}
	const aNode = 5 * time.Millisecond // the larger the fleet, the fewer requests
	every := max(100*time.Millisecond, time.Duration(len(ids))*aNode)
	for end := time.Now().Add(min(2*interval, maxStarted)); errors.Is(err, query.ErrNoSuchSource); {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(every, left)):
		}
		var r *reader
		if r, err = g.read(ctx, q); err == nil {
			return r, nil
		}
	}
	return nil, err
}
