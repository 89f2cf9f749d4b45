package ingest

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
)

// Handler processes a message and returns the result. Unless that is NotYet, the
// message is acknowledged (see Message.Hold) and the next one follows. One goroutine
// calls it, in the order of the stream; ctx ends with the connection to the stream, or
// with Run. A message may be delivered a second time: after a restart, after the
// connection was lost, or if its acknowledgement was lost.
type Handler func(ctx context.Context, m *Message) Verdict

// Options of an Ingest. Conn, Durable and Handle are required; the zero value of
// every other field means its default.
type Options struct {
	Conn          *nats.Conn    // connected or not; the caller closes it
	Stream        bus.Config    // created if it is missing; that of frames is updated if more than Cluster is set
	Logs          bool          // receive from the stream of logs; default that of frames
	Subject       string        // filter; default every subject of the stream
	Start         time.Time     // of a consumer that is created: only messages from then on; default all
	Durable       string        // name of the consumer: each name receives every message, and is used by one process
	Takeover      bool          // another process may have used the consumer until now
	Forget        time.Duration // after which the server deletes an unused consumer; default never
	MaxAckPending int           // most messages delivered and not acknowledged; default 1024
	AckWait       time.Duration // after which the server redelivers a message without progress; default 10 s
	Handle        Handler
	Log           *slog.Logger // default slog.Default()
}

func (o *Options) defaults() {
	if o.MaxAckPending <= 0 {
		o.MaxAckPending = 1024
	}
	if o.AckWait <= 0 {
		o.AckWait = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// stream returns the name of the stream.
func (o *Options) stream() string {
	if o.Logs {
		return bus.LogsStream(o.Stream.Cluster)
	}
	return bus.FramesStream(o.Stream.Cluster)
}

// ensure creates or updates the stream.
func (o *Options) ensure(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	if o.Logs {
		return bus.EnsureLogsStream(ctx, js, o.Stream)
	}
	return bus.EnsureStream(ctx, js, o.Stream)
}
