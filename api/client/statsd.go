package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/daytwo/daytwo/api/v1"
)

// StatsDQuery narrows what tasks send.
type StatsDQuery struct {
	Agent     string // agent id, "" for all
	Container string // container id, "" for all
	Match     string // over names, ids and tags of containers: see Query.Match
	Sort      string // of the metrics: "rate" (the default), "series" or "samples"
	Limit     int    // most metrics, 0 for the server's default
}

// StatsD asks what tasks send, and for the ledger of it.
func (c *Client) StatsD(ctx context.Context, q StatsDQuery) (*v1.StatsD, error) {
	v := url.Values{}
	set(v, "agent", q.Agent)
	set(v, "container", q.Container)
	set(v, "match", q.Match)
	set(v, "sort", q.Sort)
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var answer v1.StatsD
	if _, err := c.get(ctx, "/api/v1/statsd", v, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// AppMetrics is DC/OS' answer for what a container sends itself: all of it, or
// with a name the metric called exactly so. It is nil without an error when
// there is none.
func (c *Client) AppMetrics(ctx context.Context, agent, id, name string) (*v1.Metrics, error) {
	path := agentPath(agent) + "/metrics/v0/containers/" + url.PathEscape(id) + "/app"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return c.metrics(ctx, path)
}
