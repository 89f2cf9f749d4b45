package v1

import "time"

// Events is the answer of GET /api/v1/events, oldest first.
type Events struct {
	Events []Event `json:"events"`
}

// Event is a DogStatsD event that a container sent, or a change of a service check's
// status. Fields that were not sent are empty.
type Event struct {
	ID       string    `json:"id"`       // unique
	Time     time.Time `json:"time"`     // when it happened, as sent; else Received
	Received time.Time `json:"received"` // time of the tick in which it arrived

	AgentID         string `json:"agent_id"`
	Cgroup          string `json:"cgroup,omitempty"`
	ContainerID     string `json:"container_id,omitempty"`
	Container       string `json:"container,omitempty"` // the container's DisplayName; "" if the sender is unknown
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
	Truncated      bool              `json:"truncated,omitempty"` // a field was too long and is truncated

	Check   string `json:"check,omitempty"`   // the service check whose status changed
	Status  string `json:"status,omitempty"`  // the new status: ok, warning, critical or unknown
	Message string `json:"message,omitempty"` // of the service check
}
