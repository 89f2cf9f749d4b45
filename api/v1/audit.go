package v1

import "time"

// Checkpoints is the document of GET /api/v1/audit/checkpoints, oldest first.
type Checkpoints struct {
	Checkpoints []Checkpoint `json:"checkpoints"`
}

// Checkpoint says what a relay's audit log had at a time: its newest line.
type Checkpoint struct {
	Relay  string    `json:"relay"` // id of the relay
	Time   time.Time `json:"time"`
	Number uint64    `json:"number"`
	Hash   string    `json:"hash"`
}
