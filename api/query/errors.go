package query

import "errors"

// Errors of a Fleet and of its history.
var (
	// ErrUnknownAgent: the agent has never been heard of.
	ErrUnknownAgent = errors.New("unknown agent")
	// ErrTooMany: a query would return more points than its limit.
	ErrTooMany = errors.New("the query returns too many points: narrow it by time, step or match")
	// ErrTooLong: a query would have to read too many ticks.
	ErrTooLong = errors.New("the query would read too many ticks: narrow it by time or agent")
	// ErrNoHistory: a collector alone keeps the newest tick only.
	ErrNoHistory = errors.New("a collector keeps no history: ask a relay")
	// ErrNoTick: an agent's first tick has not been read yet.
	ErrNoTick = errors.New("the first tick is still to come: try again in a second")
)
