package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// EventsQuery selects events.
type EventsQuery struct {
	Agent     string        // agent id, "" for all
	Container string        // exact id or name of a container or a task; "" for all
	Match     string        // of titles, texts, names, ids and tags: see Query.Match
	Start     time.Time     // of the ticks in which the events arrived; zero to use Since
	End       time.Time     // zero for now
	Since     time.Duration // how far back from now, by the server's clock; 0 for an hour
	Limit     int           // at most so many, the newest; 0 for the server's default
}

// Events returns the newest events, oldest first.
func (c *Client) Events(ctx context.Context, q EventsQuery) ([]v1.Event, error) {
	v := url.Values{}
	set(v, "agent", q.Agent)
	set(v, "container", q.Container)
	set(v, "match", q.Match)
	setTime(v, "start", q.Start)
	setTime(v, "end", q.End)
	if q.Since > 0 && q.Start.IsZero() {
		v.Set("start", "-"+q.Since.String())
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var answer v1.Events
	_, err := c.get(ctx, "/api/v1/events", v, &answer)
	return answer.Events, err
}
