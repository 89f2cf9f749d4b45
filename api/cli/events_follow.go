package cli

import (
	"context"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
)

// Following asks again and again: frames may come late, and out of order.
const (
	followEvery  = time.Second
	followBehind = time.Minute
	followLimit  = 10_000
)

// followEvents shows what there is, then what comes, each event once, until ctx ends.
func (o *eventOptions) followEvents(ctx context.Context, ask func(context.Context, client.EventsQuery) ([]v1.Event, error), show func([]v1.Event) error) error {
	newest := o.q
	newest.Since, newest.Limit = followBehind, followLimit
	seen := map[string]bool{}
	// What the limit leaves out is not told as if it had just come.
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
		seen = make(map[string]bool, len(now)) // what is not in the answer now will not be again
		for _, e := range now {
			if seen[e.ID] = true; !was[e.ID] {
				list = append(list, e)
			}
		}
	}
}
