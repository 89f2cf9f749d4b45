package ingest

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
)

// FrameHandler processes a frame whose header and checksum are valid, and which was
// published on the subject of the agent that its header names.
type FrameHandler func(ctx context.Context, h *frame.Header, m *Message) Verdict

// Frames returns a Handler that rejects messages that are not valid frames, and calls
// handle with the others. It does not decode the body of a frame.
func Frames(handle FrameHandler) Handler {
	return func(ctx context.Context, m *Message) Verdict {
		h, reject := check(m.Subject, m.Data)
		if reject != Stored {
			return reject
		}
		return handle(ctx, &h, m)
	}
}

// check returns a frame's header, and Stored or the reason for which it is rejected.
func check(subject string, data []byte) (frame.Header, Verdict) {
	agent, ok := bus.FramesAgent(subject)
	if !ok {
		return frame.Header{}, WrongSubject
	}
	h, err := frame.Peek(data)
	switch {
	case errors.Is(err, frame.ErrVersion):
		return h, Version
	case err != nil:
		return h, Malformed
	case frame.Verify(data) != nil:
		return h, BadChecksum
	case h.Agent != agent:
		return h, WrongAgent
	}
	return h, Stored
}
