package v1

import "time"

// Containers is the answer of GET /api/v1/containers, sorted by agent and cgroup.
type Containers struct {
	Containers []Container `json:"containers"`
}

// Container is one container, or with ?all=1 any cgroup, with its newest values. Pointers
// are nil if the kernel does not provide the value, and for a limit that is not set.
type Container struct {
	AgentID string    `json:"agent_id"`
	Time    time.Time `json:"time"` // of the tick
	Cgroup  string    `json:"cgroup"`

	ContainerID     string            `json:"container_id,omitempty"`
	Name            string            `json:"name,omitempty"`
	Image           string            `json:"image,omitempty"`
	Runtime         string            `json:"runtime,omitempty"`
	ExecutorID      string            `json:"executor_id,omitempty"`
	FrameworkID     string            `json:"framework_id,omitempty"`
	FrameworkName   string            `json:"framework_name,omitempty"`
	ApplicationName string            `json:"application_name,omitempty"`
	TaskID          string            `json:"task_id,omitempty"`
	TaskName        string            `json:"task_name,omitempty"`
	Namespace       string            `json:"namespace,omitempty"`
	Pod             string            `json:"pod,omitempty"`
	PodUID          string            `json:"pod_uid,omitempty"`
	PodContainer    string            `json:"container,omitempty"` // the container's name within the pod
	Unit            string            `json:"unit,omitempty"`      // systemd unit
	Slice           string            `json:"slice,omitempty"`     // systemd slice
	Labels          map[string]string `json:"labels,omitempty"`    // that the runtime has for the container

	Created          *int64   `json:"created,omitempty"`        // Unix seconds
	CPUUsed          *float64 `json:"cpu_used_cores,omitempty"` // over the last tick
	CPULimit         *float64 `json:"cpu_limit_cores,omitempty"`
	CPUUsage         *float64 `json:"cpu_usage_seconds_total,omitempty"`
	CPUUser          *float64 `json:"cpu_user_seconds_total,omitempty"`
	CPUSystem        *float64 `json:"cpu_system_seconds_total,omitempty"`
	CPUThrottled     *float64 `json:"cpu_throttled_seconds_total,omitempty"`
	MemoryCurrent    *int64   `json:"memory_current_bytes,omitempty"`
	MemoryWorkingSet *int64   `json:"memory_working_set_bytes,omitempty"` // without inactive page cache
	MemoryAnon       *int64   `json:"memory_anon_bytes,omitempty"`
	MemoryFile       *int64   `json:"memory_file_bytes,omitempty"`
	MemorySwap       *int64   `json:"memory_swap_bytes,omitempty"`
	MemoryLimit      *int64   `json:"memory_limit_bytes,omitempty"`
	OOMKills         *int64   `json:"oom_kills_total,omitempty"`
	Pids             *int64   `json:"pids,omitempty"`
	Processes        *int64   `json:"processes,omitempty"`
	IORead           *int64   `json:"io_read_bytes_total,omitempty"`  // all devices together
	IOWritten        *int64   `json:"io_write_bytes_total,omitempty"` // all devices together
	NetReceived      *int64   `json:"net_rx_bytes_total,omitempty"`   // all interfaces together
	NetSent          *int64   `json:"net_tx_bytes_total,omitempty"`   // all interfaces together
}

// DisplayName returns the name under which a container is shown: the first that it has of
// task name, name, task id, container id, unit and cgroup.
func (c *Container) DisplayName() string {
	for _, s := range []string{c.TaskName, c.Name, c.TaskID, c.ContainerID, c.Unit} {
		if s != "" {
			return s
		}
	}
	return c.Cgroup
}
