package query

import "errors"

// Errors of a Fleet and of its history.
var (
	// ErrUnknownAgent: no tick of the agent has been received, or none for a long time.
	ErrUnknownAgent = errors.New("unknown agent")
	// ErrTooMany: a query would return more points than its limit.
	ErrTooMany = errors.New("the query returns too many points: narrow it by time, step or match")
	// ErrTooLong: a query would have to read too many ticks.
	ErrTooLong = errors.New("the query would read too many ticks: narrow it by time or agent")
	// ErrNoHistory: a collector keeps only the newest tick.
	ErrNoHistory = errors.New("a collector keeps no history: ask a relay")
	// ErrNoTick: the collector has not completed its first tick yet.
	ErrNoTick = errors.New("the first tick is not complete yet: try again in a second")
	// ErrStalled: a tick is in progress and does not end.
	ErrStalled = errors.New("the tick in progress does not end: see /readyz")
)
