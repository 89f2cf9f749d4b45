package web

import (
	"context"
	"net/http"
	"time"
)

// streamPatience is how long a client may take to accept what was written to a stream,
// beyond what the buffers of its connection hold.
const streamPatience = time.Minute

// closingKey is the key of the context that ends when the server shuts down.
type closingKey struct{}

// answerContext returns the context of a handler.
func answerContext(ctx context.Context, stream bool) (context.Context, context.CancelFunc) {
	if !stream {
		return context.WithTimeout(ctx, answerTimeout)
	}
	ctx, cancel := context.WithCancel(ctx)
	if closing, ok := ctx.Value(closingKey{}).(context.Context); ok {
		stop := context.AfterFunc(closing, cancel)
		return ctx, func() { stop(); cancel() }
	}
	return ctx, cancel
}

// Stream is the body of an answer that may go on without an end. Write and Flush fail when
// the client has gone, or accepts nothing for a minute.
type Stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

// NewStream begins an answer that may go on without an end.
func NewStream(w http.ResponseWriter) *Stream {
	s := &Stream{w, http.NewResponseController(w)}
	// Writers of tests have no deadlines. The one for reading would end the request's
	// context in the middle of the answer.
	_ = s.c.SetReadDeadline(time.Time{})
	_ = s.c.SetWriteDeadline(time.Now().Add(streamPatience))
	return s
}

// Write writes a part of the answer, which may stay in a buffer until Flush.
func (s *Stream) Write(p []byte) (int, error) {
	_ = s.c.SetWriteDeadline(time.Now().Add(streamPatience))
	return s.w.Write(p)
}

// Flush sends what was written.
func (s *Stream) Flush() error {
	_ = s.c.SetWriteDeadline(time.Now().Add(streamPatience))
	return s.c.Flush()
}
