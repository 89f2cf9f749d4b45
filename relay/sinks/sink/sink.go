package sink

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sink delivers records to one receiver. One goroutine calls Write, with records in the
// order of each agent; Test may run beside it.
type Sink interface {
	// Write delivers a batch, connecting first if it must. It returns when the receiver
	// has confirmed the records, or said why it does not take them; it repeats nothing by
	// itself but what the protocol asks for. It returns soon after ctx ends.
	Write(ctx context.Context, batch []*Record) Result
	// Test checks that the receiver can be reached and accepts the credentials. It writes
	// no record.
	Test(ctx context.Context) error
	// Close closes connections. Write is not called after it.
	Close() error
}

// Result says what became of a batch. The zero value means that the receiver has all of
// its records. Indexes are those of the batch, in ascending order, and in one list only.
type Result struct {
	Refused  []Refusal // not taken, and would never be
	Retry    []int     // not taken now, but may be later
	TooLarge []int     // larger than the receiver takes: the whole batch, or single records
	Known    int       // records that the receiver had already
	// Err says why Retry or TooLarge is not empty.
	Err error
	// After is how long the receiver asked to wait before the next try, 0 if it did not.
	After time.Duration
}

// Refusal is one record that a receiver refused for good.
type Refusal struct {
	Index  int
	Reason string // a short word for metrics: "mapping", "too_old"; [a-z0-9_]
	Detail string // what the receiver said
}

// ErrTooLarge is the error of a result whose batch is larger than the receiver takes.
var ErrTooLarge = errors.New("larger than the receiver takes")

// RetryAll returns the result of a batch of n records of which none was taken.
func RetryAll(n int, err error) Result { return RetryFrom(0, n, err) }

// RetryFrom returns the result of a batch of n records of which those from first on were
// not taken.
func RetryFrom(first, n int, err error) Result {
	r := Result{Err: err}
	for i := first; i < n; i++ {
		r.Retry = append(r.Retry, i)
	}
	return r
}

// SplitAll returns the result of a batch of n records that together are too large.
func SplitAll(n int, detail string) Result {
	r := Result{Err: fmt.Errorf("%w: %s", ErrTooLarge, detail)}
	for i := range n {
		r.TooLarge = append(r.TooLarge, i)
	}
	return r
}

// RefuseAll returns the result of a batch of n records that are all refused for good.
func RefuseAll(n int, reason, detail string) Result {
	var r Result
	for i := range n {
		r.Refused = append(r.Refused, Refusal{i, reason, detail})
	}
	return r
}

// Limits are what a sink wants a batch to be, unless the configuration says otherwise.
type Limits struct {
	Records int           // most records of a batch
	Bytes   int           // most bytes of a batch, by Record.Size
	Record  int           // most bytes of one record, which is cut beyond; 0 for no bound
	Wait    time.Duration // how long a batch waits to become full
}
