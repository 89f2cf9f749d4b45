package publish

import "github.com/daytwo/daytwo/api/bus"

// ack is the stream's answer to a frame.
type ack struct {
	number uint64
	err    error // nil = stored
}

// refused is the error of a frame that is not worth another attempt.
func refused(err error) error { return bus.RefusedError{Err: err} }
