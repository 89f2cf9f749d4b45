package query

import "github.com/daytwo/daytwo/api/frame"

// EventQuery asks for events that tasks sent.
type EventQuery struct {
	Agent      string // "" for all
	Match      Match  // nil for all events
	Start, End int64  // of the ticks they came in, inclusive; Unix nanoseconds
	Limit      int    // most events: the newest
}

// Event is one event.
type Event struct {
	Agent  string
	Boot   uint64     // run of the collector
	Tick   int64      // in which it came, Unix nanoseconds
	Time   int64      // when it happened, Unix nanoseconds
	Row    *frame.Row // of kind Event
	Parent *frame.Row // the container, nil if the sender is not known
}
