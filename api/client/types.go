package client

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Agent is one node of the fleet. Pointers are nil where the node does not
// report the value.
type Agent struct {
	AgentID    string    `json:"agent_id"`
	Hostname   string    `json:"hostname,omitempty"`
	Boot       string    `json:"boot"`             // hex, new at every start of the collector
	Seq        uint64    `json:"seq"`              // number of the newest tick since then
	Time       time.Time `json:"time"`             // of the newest tick
	Interval   float64   `json:"interval_seconds"` // between ticks
	Stale      bool      `json:"stale"`            // no tick for longer than a working collector takes
	Containers int       `json:"containers"`
	Cgroups    int       `json:"cgroups"`
	Gaps       uint64    `json:"gaps"` // ticks lost on the way

	Cores           *int64   `json:"cpu_cores,omitempty"`
	CPUUsed         *float64 `json:"cpu_used_cores,omitempty"` // over the last tick
	Load1           *float64 `json:"load_1m,omitempty"`
	MemoryTotal     *int64   `json:"memory_total_bytes,omitempty"`
	MemoryAvailable *int64   `json:"memory_available_bytes,omitempty"`
	Uptime          *float64 `json:"uptime_seconds,omitempty"`
}

// Container is one container, or with ContainersQuery.All any cgroup, and its
// newest values. Pointers are nil where the kernel does not offer the value;
// a limit that is not set is nil too.
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
	PodContainer    string            `json:"container,omitempty"` // its name within the pod
	Unit            string            `json:"unit,omitempty"`      // systemd's
	Slice           string            `json:"slice,omitempty"`     // systemd's
	Labels          map[string]string `json:"labels,omitempty"`    // as the runtime has them

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

// DisplayName is the shortest name that tells people which one it is.
func (c *Container) DisplayName() string {
	for _, s := range []string{c.TaskName, c.Name, c.TaskID, c.ContainerID, c.Unit} {
		if s != "" {
			return s
		}
	}
	return c.Cgroup
}

// Matrix is the answer to a query: what Prometheus calls a matrix.
type Matrix struct {
	Metric string   `json:"metric"` // native name, with its kind: "container.cpu.usage"
	Unit   string   `json:"unit"`
	Type   string   `json:"type"` // "counter" or "gauge"; a rate of a counter is a gauge
	Result []Series `json:"result"`
}

// Series is one row over time.
type Series struct {
	Labels map[string]string `json:"metric"`
	Points []Point           `json:"values"`
}

// Point is a value at a time. In JSON it is Prometheus' pair [seconds, "value"].
type Point struct {
	Time  time.Time
	Value float64
}

// MarshalJSON writes [seconds, "value"].
func (p Point) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 48), '[')
	b = strconv.AppendFloat(b, float64(p.Time.UnixMilli())/1e3, 'f', -1, 64)
	b = append(b, `,"`...)
	b = strconv.AppendFloat(b, p.Value, 'g', -1, 64)
	return append(b, `"]`...), nil
}

// UnmarshalJSON reads [seconds, "value"].
func (p *Point) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	var seconds float64
	var value string
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[0], &seconds); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[1], &value); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("a point's value: %w", err)
	}
	p.Time, p.Value = time.UnixMilli(int64(seconds*1e3+0.5)), v
	return nil
}

// Metrics is DC/OS' answer for a node or a container.
type Metrics struct {
	Datapoints []Datapoint `json:"datapoints"`
	Dimensions Dimensions  `json:"dimensions"`
}

// Datapoint is one value. Value is always a number.
type Datapoint struct {
	Name      string            `json:"name"`
	Value     float64           `json:"value"`
	Unit      string            `json:"unit"`
	Timestamp string            `json:"timestamp"` // RFC 3339
	Tags      map[string]string `json:"tags,omitempty"`
}

// Dimensions say whose values they are.
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
