package v1

import "time"

// StatsD is what tasks send, and what became of it.
type StatsD struct {
	Ledgers []Ledger     `json:"ledgers"` // of each agent: all its senders together, then each container
	Metrics []SentMetric `json:"metrics"` // what costs most, first
}

// Ledger accounts for every line that an agent received, of one container or,
// with All, of all senders together: received = accepted + rejected + shed.
// Counts are since the collector's start.
type Ledger struct {
	AgentID     string    `json:"agent_id"`
	Time        time.Time `json:"time"` // of the tick
	All         bool      `json:"all"`  // all senders of the agent together
	ContainerID string    `json:"container_id,omitempty"`
	Name        string    `json:"name,omitempty"` // the shortest that tells people which container it is
	Cgroup      string    `json:"cgroup,omitempty"`

	Received      int64            `json:"received"` // lines
	Accepted      int64            `json:"accepted"`
	Rejected      int64            `json:"rejected"`
	Reasons       map[string]int64 `json:"rejected_by_reason,omitempty"` // those that are not 0
	Shed          int64            `json:"shed"`                         // given up because parsing could not keep up
	Overflowed    int64            `json:"overflowed"`                   // accepted, past the budget of series
	Filtered      int64            `json:"filtered"`                     // accepted, dropped by a rule
	Events        int64            `json:"events"`
	ServiceChecks int64            `json:"service_checks"`
	StatusChanges int64            `json:"status_changes"` // of service checks: each is told as an event
	EventsDropped int64            `json:"events_dropped"` // events and changes that a tick had no room for
	Series        int64            `json:"series"`         // alive
	TypeConflicts int64            `json:"type_conflicts"`
	Packets       int64            `json:"packets"`
	Bytes         int64            `json:"bytes"`
	KernelDrops   int64            `json:"kernel_dropped_packets"`

	Rate *float64 `json:"received_per_second,omitempty"` // over the last tick; nil until two ticks are there
}

// Balances tells whether every line that was received is accounted for.
func (l *Ledger) Balances() bool { return l.Received == l.Accepted+l.Rejected+l.Shed }

// SentMetric is one name and type that one container sends.
type SentMetric struct {
	AgentID     string `json:"agent_id"`
	ContainerID string `json:"container_id,omitempty"`
	Container   string `json:"container,omitempty"` // its name; "" if the sender is not known
	Name        string `json:"name"`
	Type        string `json:"type"` // counter, gauge, set, timer, histogram, distribution or check

	Series  int64    `json:"series"`                       // its cardinality
	Samples int64    `json:"samples"`                      // received since they began
	Rate    *float64 `json:"samples_per_second,omitempty"` // over the last tick; nil until two ticks are there
}
