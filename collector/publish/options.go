package publish

import (
	"errors"
	"log/slog"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/nats-io/nats.go"
)

// Options of a Publisher. Conn and Agent are required; the zero value of every
// other field means its default.
type Options struct {
	Conn          *nats.Conn // connected or not; it stays the caller's, who closes it after the publisher
	Cluster       string
	Agent         string
	Shards        int                  // default setting.Shards
	Frame         frame.EncoderOptions // MaxPayload is lowered to the server's once that is known
	SpoolDir      string               // "" = no spool: frames that cannot be sent are lost, and counted
	SpoolMaxBytes int64                // default setting.SpoolBytes
	AckTimeout    time.Duration        // then a frame that is not acknowledged goes to the spool; default 5 s
	Log           *slog.Logger         // default slog.Default()
}

func (o *Options) complete() error {
	if o.Conn == nil {
		return errors.New("publish: Options.Conn is nil")
	}
	if o.Agent == "" || len(o.Agent) > frame.MaxAgent {
		return errors.New("publish: an agent id of 1 to 256 bytes is needed")
	}
	if o.Shards <= 0 {
		o.Shards = setting.Shards
	}
	if o.SpoolMaxBytes <= 0 {
		o.SpoolMaxBytes = setting.SpoolBytes
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return nil
}

// Stats counts since the start of the publisher. A frame here is one part of a tick.
type Stats struct {
	Frames    uint64 // encoded by Publish
	Bytes     uint64 // of those
	Keyframes uint64 // among those
	Sent      uint64 // published, each attempt counted
	Acked     uint64 // acknowledged by the stream, also those read from the spool
	Spooled   uint64 // written to the spool
	Dropped   uint64 // lost: no room in the spool or the queue, or refused by the stream
	Corrupt   uint64 // spooled frames, or tails of spool files, that could not be read back
	Errors    uint64 // failed encodings, publications, acknowledgements, writes to the spool

	InFlight   int   // published, not yet acknowledged
	SpoolBytes int64 // on disk
	SpoolDepth int   // frames on disk
	Connected  bool
}
