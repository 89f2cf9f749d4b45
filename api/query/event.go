package query

import "github.com/daytwo/daytwo/api/frame"

// EventQuery selects events that containers sent over StatsD.
type EventQuery struct {
	Agent      string // "" for all
	Match      Match  // nil for all events
	Start, End int64  // of the ticks in which the events arrived, inclusive; Unix nanoseconds
	Limit      int    // at most so many, the newest
}

// Event is one event.
type Event struct {
	Agent  string
	Boot   uint64     // run of the collector
	Tick   int64      // time of the tick in which it arrived, Unix nanoseconds
	Time   int64      // when it happened, Unix nanoseconds
	Row    *frame.Row // of kind Event
	Parent *frame.Row // the container that sent it, nil if that is unknown
}
