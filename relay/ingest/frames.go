package ingest

import (
	"context"
	"errors"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
)

// FrameHandler takes a frame in. Its header and checksum are good, and it was
// published by the agent that it names.
type FrameHandler func(ctx context.Context, h *frame.Header, m *Message) Verdict

// Frames returns a Handler that rejects what is no frame, and hands the rest on.
// It decodes no body.
func Frames(handle FrameHandler) Handler {
	return func(ctx context.Context, m *Message) Verdict {
		h, reject := check(m.Subject, m.Data)
		if reject != Stored {
			return reject
		}
		return handle(ctx, &h, m)
	}
}

// check returns a frame's header, and Stored or why the frame is rejected.
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
