package cli

import (
	"context"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
)

// Following queries the newest events again and again, as frames may arrive late and
// out of order.
const (
	followEvery  = time.Second
	followBehind = time.Minute // how late an event may arrive
	followLimit  = 10_000      // events of an answer
)

// askEvents queries a relay for events.
type askEvents func(context.Context, client.EventsQuery) ([]v1.Event, error)

// followEvents shows past events and then new ones, each once, until ctx is done.
func (o *eventOptions) followEvents(ctx context.Context, ask askEvents, show func([]v1.Event) error) error {
	newest := o.q
	newest.Since, newest.Limit = followBehind, followLimit
	seen := map[string]bool{}
	// An event that the limit leaves out of the list is not new later.
	before, err := ask(ctx, newest)
	if err != nil {
		return err
	}
	list, err := ask(ctx, o.q)
	if err != nil {
		return err
	}
	for _, e := range slices.Concat(before, list) {
		seen[e.ID] = true
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := show(list); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := ask(ctx, newest)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		list = list[:0]
		was := seen
		seen = make(map[string]bool, len(now)) // an event that is no longer in the answer does not return
		for _, e := range now {
			if seen[e.ID] = true; !was[e.ID] {
				list = append(list, e)
			}
		}
	}
}
