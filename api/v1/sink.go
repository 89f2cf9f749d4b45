package v1

import (
	"encoding/json"
	"time"
)

// Sinks is the document of GET /api/v1/sinks.
type Sinks struct {
	Sinks []Sink `json:"sinks"`
	// ConfigRefused is why the configuration file was refused when it last changed: the
	// sinks are those of the one before. It is left out if the file is in use as it is.
	ConfigRefused string `json:"config_refused,omitempty"`
}

// Sink is one sink of logs. The counts are those of the relay that answers, since it started.
type Sink struct {
	Name         string            `json:"name"`
	Type         string            `json:"type"`
	Target       string            `json:"target"`          // where it delivers to
	State        string            `json:"state"`           // running, failing, paused, standby or waiting
	Relay        string            `json:"relay,omitempty"` // id of the relay that runs it
	Error        string            `json:"error,omitempty"` // of the last delivery, if it failed
	FailingSince *time.Time        `json:"failing_since,omitempty"`
	LastDelivery *time.Time        `json:"last_delivery,omitempty"`
	Pending      uint64            `json:"pending_messages"` // in the stream, of many records each
	Behind       float64           `json:"behind_seconds"`   // age of the oldest of them
	Received     uint64            `json:"received"`
	Filtered     uint64            `json:"filtered"`
	Delivered    uint64            `json:"delivered"`
	Bytes        uint64            `json:"bytes"`
	Retries      uint64            `json:"retries"`
	Known        uint64            `json:"known"`      // records that the receiver had already
	Duplicates   uint64            `json:"duplicates"` // records that a collector had sent before
	Cut          uint64            `json:"cut"`        // records cut to the receiver's limit
	Refused      map[string]uint64 `json:"refused"`    // records that are dead letters, by reason
	Malformed    uint64            `json:"malformed"`  // messages that could not be decoded
	DeadLost     uint64            `json:"dead_letters_lost"`
}

// DeadLetters is the document of GET /api/v1/sinks/{name}/dead.
type DeadLetters struct {
	Dead []json.RawMessage `json:"dead"` // objects with time, reason, detail and record
}

// SinkDone is the answer to a change of a sink, and to a test that succeeded.
type SinkDone struct {
	OK bool `json:"ok"`
}
