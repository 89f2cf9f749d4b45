package v1

import "time"

// Agents is the answer of GET /api/v1/agents, sorted by id.
type Agents struct {
	Agents []Agent `json:"agents"`
}

// Agent is one node of the fleet. Pointers are nil if the node does not report the value.
type Agent struct {
	AgentID    string    `json:"agent_id"`
	Hostname   string    `json:"hostname,omitempty"`
	Boot       string    `json:"boot"`             // hex, another at every start of the collector
	Seq        uint64    `json:"seq"`              // number of the newest tick, counted from that start
	Time       time.Time `json:"time"`             // of the newest tick
	Interval   float64   `json:"interval_seconds"` // between ticks
	Stale      bool      `json:"stale"`            // no tick has come for several intervals
	Containers int       `json:"containers"`
	Cgroups    int       `json:"cgroups"`
	Missing    uint64    `json:"missing_ticks"` // ticks that are missing although later ones arrived

	Cores           *int64   `json:"cpu_cores,omitempty"`
	CPUUsed         *float64 `json:"cpu_used_cores,omitempty"` // over the last tick
	Load1           *float64 `json:"load_1m,omitempty"`
	MemoryTotal     *int64   `json:"memory_total_bytes,omitempty"`
	MemoryAvailable *int64   `json:"memory_available_bytes,omitempty"`
	Uptime          *float64 `json:"uptime_seconds,omitempty"`
}

// State returns "stale" if no tick has come for several intervals, else "ok". All views
// show this word.
func (a *Agent) State() string {
	if a.Stale {
		return "stale"
	}
	return "ok"
}
