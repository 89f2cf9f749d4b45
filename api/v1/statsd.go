package v1

import "time"

// StatsD is the StatsD metrics that containers send, and the ledgers that account for the
// received lines.
type StatsD struct {
	Ledgers []Ledger     `json:"ledgers"` // by agent: first that of all senders, then one for each sender
	Metrics []SentMetric `json:"metrics"` // in the requested order
}

// Ledger accounts for every line that an agent received from one sender, or, if All is
// set, from all senders: received = accepted + rejected + shed. It counts from the
// collector's start.
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
	Shed          int64            `json:"shed"`                         // dropped because parsing could not keep up
	Overflowed    int64            `json:"overflowed"`                   // accepted lines beyond the budget of series
	Filtered      int64            `json:"filtered"`                     // accepted lines that a rule dropped
	Events        int64            `json:"events"`
	ServiceChecks int64            `json:"service_checks"`
	StatusChanges int64            `json:"status_changes"` // of service checks; each is an event
	EventsDropped int64            `json:"events_dropped"` // events beyond the bound per tick
	Series        int64            `json:"series"`         // that exist now
	TypeConflicts int64            `json:"type_conflicts"`
	Packets       int64            `json:"packets"`
	Bytes         int64            `json:"bytes"`
	KernelDrops   int64            `json:"kernel_dropped_packets"`

	Rate *float64 `json:"received_per_second,omitempty"` // over the last tick; nil before the second tick
}

// Balances reports whether every received line is accounted for.
func (l *Ledger) Balances() bool { return l.Received == l.Accepted+l.Rejected+l.Shed }

// SentMetric summarizes the series with one name and type that one container sends.
type SentMetric struct {
	AgentID     string `json:"agent_id"`
	ContainerID string `json:"container_id,omitempty"`
	Container   string `json:"container,omitempty"` // the container's DisplayName; "" if the sender is unknown
	Name        string `json:"name"`
	Type        string `json:"type"` // counter, gauge, set, timer, histogram, distribution or check

	Series  int64    `json:"series"`                       // number of series
	Samples int64    `json:"samples"`                      // received, since each series began
	Rate    *float64 `json:"samples_per_second,omitempty"` // over the last tick; nil before the second tick
}
