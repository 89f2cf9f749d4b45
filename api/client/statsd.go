package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/daytwo/daytwo/api/v1"
)

// StatsDQuery selects StatsD metrics.
type StatsDQuery struct {
	Agent     string // agent id, "" for all
	Container string // container id, "" for all
	Match     string // of names, ids and tags of containers: see Query.Match
	Sort      string // order of the metrics: "rate" (the default), "series" or "samples"
	Limit     int    // at most so many metrics; 0 for the server's default
}

// StatsD returns the metrics that containers send, and the ledgers that account for the
// received lines.
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

// AppMetrics returns the DC/OS document of a container's StatsD metrics: of all, or, if
// name is not "", of the metric with exactly this name. It returns nil without an error
// if there is no value.
func (c *Client) AppMetrics(ctx context.Context, agent, id, name string) (*v1.Metrics, error) {
	path := agentPath(agent) + "/metrics/v0/containers/" + url.PathEscape(id) + "/app"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return c.metrics(ctx, path)
}
