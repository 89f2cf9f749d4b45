package query

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Sinks are a relay's sinks of logs.
type Sinks interface {
	// List returns all sinks, in the order of the configuration, and why the configuration
	// file was refused when it last changed: "" if it was not.
	List(ctx context.Context) (sinks []Sink, refused string)
	// Pause stops a sink, and Resume lets it go on from its position. The state is kept for
	// all relays, and over restarts.
	Pause(ctx context.Context, name string) error
	Resume(ctx context.Context, name string) error
	// Reset moves a sink's position: to what was shipped from a time on; the zero time is
	// the oldest that there is.
	Reset(ctx context.Context, name string, to time.Time) error
	// Test checks whether the receiver can be reached and accepts the credentials. The
	// error says what it answered.
	Test(ctx context.Context, name string) error
	// Dead returns the newest dead letters as JSON objects, oldest first.
	Dead(ctx context.Context, name string, limit int) ([]json.RawMessage, error)
}

// Errors of Sinks.
var (
	// ErrNoSink is the error for a name that no sink has.
	ErrNoSink = errors.New("there is no such sink")
	// ErrNoSinkAnswer is the error for a change that was stored, but not carried out in time.
	ErrNoSinkAnswer = errors.New("the change is stored, but no relay has carried it out yet: see 'daytwo sink list'")
	// ErrNoDead is the error of a relay that keeps no dead letters.
	ErrNoDead = errors.New("dead letters are kept only with a data directory: start the relay with --data DIR")
)

// Sink is the state of one sink.
type Sink struct {
	Name, Type, Target string
	State              string    // "running", "failing", "paused", "standby" (another relay runs it), "waiting" (for NATS)
	Relay              string    // id of the relay that runs it, "" if none does
	Error              string    // of the last delivery, "" if it succeeded
	FailingSince       time.Time // zero if the last delivery succeeded
	LastDelivery       time.Time // zero if there was none
	PendingMessages    uint64    // in the stream, each with many entries
	Behind             time.Duration
	Received           uint64 // records, since this relay started; likewise the following
	Filtered           uint64
	Delivered          uint64
	Bytes              uint64
	Retries            uint64
	Known              uint64            // the receiver had them already
	Duplicates         uint64            // that a collector sent twice, and that were left out
	Cut                uint64            // records that were cut to the receiver's limit
	Refused            map[string]uint64 // by reason
	Malformed          uint64            // messages
	DeadLost           uint64            // dead letters that could not be written
}
