package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/daytwo/daytwo/api/v1"
)

// StatsDQuery narrows a list of what tasks send.
type StatsDQuery struct {
	Agent     string // agent id, "" for all
	Container string // container id, "" for all
	Match     string // for names, ids and tags of containers: see Query.Match
	Sort      string // order of the metrics: "rate" (the default), "series" or "samples"
	Limit     int    // most metrics, 0 for the server's default
}

// StatsD returns the ledgers of what tasks send, and the metrics.
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

// AppMetrics returns the DC/OS document of what a container's tasks send: all, or
// the metric with exactly this name. It is nil without an error if there is none.
func (c *Client) AppMetrics(ctx context.Context, agent, id, name string) (*v1.Metrics, error) {
	path := agentPath(agent) + "/metrics/v0/containers/" + url.PathEscape(id) + "/app"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return c.metrics(ctx, path)
}
