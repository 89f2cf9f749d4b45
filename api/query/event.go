package query

import "github.com/daytwo/daytwo/api/frame"

// EventQuery asks for events of kind Event.
type EventQuery struct {
	Agent      string                                          // "" for all
	Match      func(agent string, row, parent *frame.Row) bool // nil for all; parent may be nil
	Start, End int64                                           // of the ticks they came in, inclusive; Unix nanoseconds
	Limit      int
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
