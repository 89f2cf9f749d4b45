package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// Agents returns all nodes that the relay knows, sorted by id.
func (c *Client) Agents(ctx context.Context) ([]v1.Agent, error) {
	var answer v1.Agents
	_, err := c.get(ctx, "/api/v1/agents", nil, &answer)
	return answer.Agents, err
}

// ContainersQuery selects containers.
type ContainersQuery struct {
	Agent string // agent id, "" for all
	Match string // of names, ids and tags: see Query.Match
	All   bool   // include cgroups that are not containers: services, slices
}

// Containers returns containers with their newest values, sorted by agent and cgroup.
func (c *Client) Containers(ctx context.Context, q ContainersQuery) ([]v1.Container, error) {
	v := url.Values{}
	set(v, "agent", q.Agent)
	set(v, "match", q.Match)
	if q.All {
		v.Set("all", "1")
	}
	var answer v1.Containers
	_, err := c.get(ctx, "/api/v1/containers", v, &answer)
	return answer.Containers, err
}

// Query selects one metric over time.
type Query struct {
	// Metric is a native name, "cpu.usage" or "container.cpu.usage", or a Prometheus
	// name, "container_cpu_usage_seconds_total". A StatsD metric is "app:request.time" or
	// "request_time".
	Metric string
	Agent  string        // agent id, "" for all
	Match  string        // text or pattern that a name, an id or a tag matches, or key=value,key=value
	Start  time.Time     // zero for an hour before End
	End    time.Time     // zero for now
	Step   time.Duration // between points; 0 for the server's default
	Rate   bool          // return a counter's increase per second

	// Quantiles, from 0 to 1, returns these percentiles of StatsD timers, histograms or
	// distributions, over all matching series.
	Quantiles []float64
	// Distinct returns the number of distinct members of StatsD sets, over all matching
	// series.
	Distinct bool
	// By groups the series of Quantiles or Distinct by these labels; "*" keeps each
	// series separate.
	By []string
}

// Query returns the points of one metric over time.
func (c *Client) Query(ctx context.Context, q Query) (*v1.Matrix, error) {
	v := url.Values{}
	v.Set("metric", q.Metric)
	set(v, "agent", q.Agent)
	set(v, "match", q.Match)
	setTime(v, "start", q.Start)
	setTime(v, "end", q.End)
	if q.Step > 0 {
		v.Set("step", q.Step.String())
	}
	if q.Rate {
		v.Set("rate", "1")
	}
	var quantiles []string
	for _, f := range q.Quantiles {
		quantiles = append(quantiles, strconv.FormatFloat(f, 'g', -1, 64))
	}
	if q.Distinct {
		v.Set("distinct", "1")
	}
	set(v, "q", strings.Join(quantiles, ","))
	set(v, "by", strings.Join(q.By, ","))
	var answer struct {
		Data v1.Matrix `json:"data"`
	}
	if _, err := c.get(ctx, "/api/v1/query", v, &answer); err != nil {
		return nil, err
	}
	return &answer.Data, nil
}

// NodeMetrics returns the DC/OS metrics document of a node. It returns nil without an
// error if the node has no values yet.
func (c *Client) NodeMetrics(ctx context.Context, agent string) (*v1.Metrics, error) {
	return c.metrics(ctx, agentPath(agent)+"/metrics/v0/node")
}

// ContainerMetrics returns the DC/OS metrics document of a container. It returns nil
// without an error if the container has no values yet.
func (c *Client) ContainerMetrics(ctx context.Context, agent, id string) (*v1.Metrics, error) {
	return c.metrics(ctx, agentPath(agent)+"/metrics/v0/containers/"+url.PathEscape(id))
}

func (c *Client) metrics(ctx context.Context, path string) (*v1.Metrics, error) {
	var m v1.Metrics
	status, err := c.get(ctx, path, nil, &m)
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	return &m, nil
}

// Ready returns nil if the relay is ready (/readyz).
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.get(ctx, "/readyz", nil, nil)
	return err
}

func agentPath(agent string) string { return "/system/v1/agent/" + url.PathEscape(agent) }

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

func setTime(v url.Values, name string, t time.Time) {
	if !t.IsZero() {
		v.Set(name, strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', 3, 64))
	}
}
