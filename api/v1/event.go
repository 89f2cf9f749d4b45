package v1

import "time"

// Events is the answer of GET /api/v1/events, oldest first.
type Events struct {
	Events []Event `json:"events"`
}

// Event is a DogStatsD event that a task sent, or a change of a service check's
// status. Fields that were not sent are empty.
type Event struct {
	ID       string    `json:"id"`       // unique
	Time     time.Time `json:"time"`     // when it happened, as sent; else Received
	Received time.Time `json:"received"` // of the tick it came in

	AgentID         string `json:"agent_id"`
	Cgroup          string `json:"cgroup,omitempty"`
	ContainerID     string `json:"container_id,omitempty"`
	Container       string `json:"container,omitempty"` // its DisplayName; "" if the sender is not known
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
	Truncated      bool              `json:"truncated,omitempty"` // a part was too long and has been cut

	Check   string `json:"check,omitempty"`   // the service check whose status changed
	Status  string `json:"status,omitempty"`  // its status now: ok, warning, critical or unknown
	Message string `json:"message,omitempty"` // of the service check
}
