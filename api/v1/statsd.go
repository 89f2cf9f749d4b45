package v1

import "time"

// StatsD is what tasks send to StatsD, and what became of it.
type StatsD struct {
	Ledgers []Ledger     `json:"ledgers"` // of each agent: of all senders together, then of each
	Metrics []SentMetric `json:"metrics"` // in the order that was asked for
}

// Ledger accounts for every line that an agent received from one sender, or with
// All from all senders together: received = accepted + rejected + shed. It counts
// from the collector's start.
type Ledger struct {
	AgentID     string    `json:"agent_id"`
	Time        time.Time `json:"time"` // of the tick
	All         bool      `json:"all"`  // all senders of the agent together
	ContainerID string    `json:"container_id,omitempty"`
	Name        string    `json:"name,omitempty"` // the container's DisplayName
	Cgroup      string    `json:"cgroup,omitempty"`

	Received      int64            `json:"received"` // lines
	Accepted      int64            `json:"accepted"`
	Rejected      int64            `json:"rejected"`
	Reasons       map[string]int64 `json:"rejected_by_reason,omitempty"` // without zeros
	Shed          int64            `json:"shed"`                         // dropped: parsing could not keep up
	Overflowed    int64            `json:"overflowed"`                   // of the accepted: beyond the budget of series
	Filtered      int64            `json:"filtered"`                     // of the accepted: dropped by a rule
	Events        int64            `json:"events"`
	ServiceChecks int64            `json:"service_checks"`
	StatusChanges int64            `json:"status_changes"` // of service checks; each is an event
	EventsDropped int64            `json:"events_dropped"` // beyond the bound of events a tick
	Series        int64            `json:"series"`         // current ones
	TypeConflicts int64            `json:"type_conflicts"`
	Packets       int64            `json:"packets"`
	Bytes         int64            `json:"bytes"`
	KernelDrops   int64            `json:"kernel_dropped_packets"`

	Rate *float64 `json:"received_per_second,omitempty"` // over the last tick; nil before the second tick
}

// Balances reports whether every received line is accounted for.
func (l *Ledger) Balances() bool { return l.Received == l.Accepted+l.Rejected+l.Shed }

// SentMetric is all series of one name and type that one container sends.
type SentMetric struct {
	AgentID     string `json:"agent_id"`
	ContainerID string `json:"container_id,omitempty"`
	Container   string `json:"container,omitempty"` // its DisplayName; "" if the sender is not known
	Name        string `json:"name"`
	Type        string `json:"type"` // counter, gauge, set, timer, histogram, distribution or check

	Series  int64    `json:"series"`                       // how many
	Samples int64    `json:"samples"`                      // received, since each series began
	Rate    *float64 `json:"samples_per_second,omitempty"` // over the last tick; nil before the second tick
}
