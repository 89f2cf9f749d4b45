package v1

// Metrics is the DC/OS metrics document of a node or a container.
type Metrics struct {
	Datapoints []Datapoint `json:"datapoints"`
	Dimensions Dimensions  `json:"dimensions"`
}

// Datapoint is one value, which is always finite.
type Datapoint struct {
	Name      string            `json:"name"`
	Value     float64           `json:"value"`
	Unit      string            `json:"unit"`
	Timestamp string            `json:"timestamp"` // RFC 3339
	Tags      map[string]string `json:"tags,omitempty"`
}

// Dimensions identify the node or the container of a document.
type Dimensions struct {
	MesosID            string            `json:"mesos_id"` // the agent's
	ClusterID          string            `json:"cluster_id,omitempty"`
	ContainerID        string            `json:"container_id,omitempty"`
	ExecutorID         string            `json:"executor_id,omitempty"`
	FrameworkName      string            `json:"framework_name,omitempty"`
	FrameworkID        string            `json:"framework_id,omitempty"`
	FrameworkRole      string            `json:"framework_role,omitempty"`
	FrameworkPrincipal string            `json:"framework_principal,omitempty"`
	TaskName           string            `json:"task_name,omitempty"`
	TaskID             string            `json:"task_id,omitempty"`
	Hostname           string            `json:"hostname"`
	Labels             map[string]string `json:"labels,omitempty"`
}
