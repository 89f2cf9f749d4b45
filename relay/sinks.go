package relay

import (
	"context"
	"errors"
	"time"

	"github.com/daytwo/daytwo/relay/ingest"
	"github.com/daytwo/daytwo/relay/sinks"
)

// sinkAckPending is the most messages that a sink may hold: one batch of log entries may
// consist of thousands.
const sinkAckPending = 8192

// forgetSink is how long the server keeps the position of a sink that no relay runs.
const forgetSink = 30 * 24 * time.Hour

// openSinks returns the sinks of the configuration, nil if there is none.
func (r *Relay) openSinks() (*sinks.Manager, error) {
	if r.cfg.SinksFile == "" {
		return nil, nil
	}
	return sinks.New(sinks.Options{
		Path: r.cfg.SinksFile, Conn: r.conn, Cluster: r.cfg.Cluster, Replicas: r.cfg.Stream.Replicas, Relay: r.cfg.ID,
		DataDir: r.cfg.DataDir, Receive: r.receiveLogs, Log: r.cfg.Log,
	})
}

// receiveLogs implements sinks.Receive.
func (r *Relay) receiveLogs(ctx context.Context, durable string, from time.Time,
	handle func(context.Context, sinks.Message) error) {
	in := ingest.New(ingest.Options{
		Conn: r.conn, Stream: r.cfg.Logs, Logs: true, Durable: durable, Start: from, MaxAckPending: sinkAckPending,
		Takeover: true, Forget: forgetSink, Log: r.cfg.Log,
		Handle: func(ctx context.Context, m *ingest.Message) ingest.Verdict {
			m.Hold()
			err := handle(ctx, sinks.Message{Subject: m.Subject, Data: m.Data, Seq: m.Seq, Time: m.Time, Done: m.Release})
			switch {
			case err == nil:
				return ingest.Stored
			case errors.Is(err, sinks.ErrMalformed):
				m.Release()
				return ingest.Malformed
			}
			m.Release() // the message is not acknowledged: ctx has ended
			return ingest.NotYet
		},
	})
	_ = in.Run(ctx) // returns nil
}
