package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// Event is what a task told of by DogStatsD, or a change of a service check's
// status. What was not sent is empty.
type Event struct {
	ID       string    `json:"id"`       // no other event has it
	Time     time.Time `json:"time"`     // when it happened: as sent, else when it came
	Received time.Time `json:"received"` // of the tick it came in

	AgentID         string `json:"agent_id"`
	Cgroup          string `json:"cgroup,omitempty"`
	ContainerID     string `json:"container_id,omitempty"`
	Container       string `json:"container,omitempty"` // its name; "" if the sender is not known
	ExecutorID      string `json:"executor_id,omitempty"`
	FrameworkID     string `json:"framework_id,omitempty"`
	FrameworkName   string `json:"framework_name,omitempty"`
	ApplicationName string `json:"application_name,omitempty"`
	TaskID          string `json:"task_id,omitempty"`
	TaskName        string `json:"task_name,omitempty"`

	Title          string            `json:"title"`
	Text           string            `json:"text,omitempty"`
	Host           string            `json:"host,omitempty"`       // as sent
	Priority       string            `json:"priority,omitempty"`   // normal or low
	AlertType      string            `json:"alert_type,omitempty"` // error, warning, info or success
	SourceType     string            `json:"source_type,omitempty"`
	AggregationKey string            `json:"aggregation_key,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
	Truncated      bool              `json:"truncated,omitempty"` // a part was too long, and is cut

	Check   string `json:"check,omitempty"`   // the service check whose status changed
	Status  string `json:"status,omitempty"`  // its status now: ok, warning, critical or unknown
	Message string `json:"message,omitempty"` // that came with it
}

// EventsQuery narrows a list of events.
type EventsQuery struct {
	Agent     string        // agent id, "" for all
	Container string        // id or name of a container or a task, whole; "" for all
	Match     string        // over titles, texts, names, ids and tags: see Query.Match
	Start     time.Time     // of the ticks they came in; zero for Since
	End       time.Time     // zero for now
	Since     time.Duration // how far back from now, by the server's clock; 0 for an hour
	Limit     int           // the newest so many, 0 for the server's default
}

// Events lists the newest events, oldest first.
func (c *Client) Events(ctx context.Context, q EventsQuery) ([]Event, error) {
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
	var answer struct {
		Events []Event `json:"events"`
	}
	_, err := c.get(ctx, "/api/v1/events", v, &answer)
	return answer.Events, err
}
