package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/health"
)

// connectWithin is how long Doctor waits for a connection, and then for an answer.
const connectWithin = 3 * time.Second

// Doctor reports what waits in the spool, whether NATS answers, and whether it has
// the stream that the frames go to. It publishes nothing and opens no spool.
// Without Options.Conn it leaves NATS out.
func Doctor(ctx context.Context, o Options) []health.Check {
	checks := []health.Check{checkSpool(o.SpoolDir)}
	if o.Conn == nil {
		return append(checks, health.Check{Name: "nats", State: health.OK,
			Detail: "not checked: 'daytwo up' brings its own server, and --nats names another"})
	}
	ctx, cancel := context.WithTimeout(ctx, 2*connectWithin)
	defer cancel()
	connected := checkConnection(ctx, &o)
	checks = append(checks, connected)
	if connected.State != health.OK {
		return checks
	}
	return append(checks, checkStream(ctx, &o))
}

func checkSpool(dir string) health.Check {
	c := health.Check{Name: "spool", State: health.OK, Detail: "empty"}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.State, c.Detail, c.Fix = health.Fail, err.Error(), "give --data a directory that can be read and written"
		return c
	}
	files, size := 0, int64(0)
	for _, e := range entries {
		if _, ok := segmentID(e.Name()); !ok || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := e.Info(); err == nil {
			files, size = files+1, size+info.Size()
		}
	}
	if files > 0 {
		c.Detail = fmt.Sprintf("%.1f MiB of frames wait for NATS", float64(size)/(1<<20))
	}
	return c
}

func checkConnection(ctx context.Context, o *Options) health.Check {
	c := health.Check{Name: "nats", State: health.OK}
	for end := time.Now().Add(connectWithin); !o.Conn.IsConnected(); {
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
		if ctx.Err() != nil || time.Now().After(end) {
			c.State, c.Detail = health.Warn, "no connection; frames wait in the spool until there is one"
			if err := o.Conn.LastError(); err != nil {
				c.Detail = err.Error() + ": " + c.Detail
			}
			c.Fix = "start NATS, or correct --nats, --nats-creds, --nats-ca, --nats-cert and --nats-key"
			return c
		}
	}
	c.Detail = "connected to " + o.Conn.ConnectedUrlRedacted()
	if rtt, err := o.Conn.RTT(); err == nil {
		c.Detail += fmt.Sprintf(", round trip %v", rtt.Round(10*time.Microsecond))
	}
	return c
}

func checkStream(ctx context.Context, o *Options) health.Check {
	name := bus.FramesStream(o.Cluster)
	c := health.Check{Name: "nats stream", State: health.OK, Detail: name}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	js, err := jetstream.New(o.Conn)
	if err == nil {
		_, err = js.Stream(ctx, name)
	}
	switch {
	case err == nil:
		c.Detail += " is there"
	case errors.Is(err, jetstream.ErrStreamNotFound):
		c.State, c.Detail = health.Warn, name+" is not there yet; frames wait in the spool until it is"
		c.Fix = "start 'daytwo relay', which makes it, or make it yourself; --cluster must be the same everywhere"
	case errors.Is(err, context.DeadlineExceeded):
		// A node's credential may not ask about streams: the server then stays silent.
		c.Detail += ": this credential may not ask the server"
	default:
		c.State, c.Detail, c.Fix = health.Warn, name+": "+err.Error(), "enable JetStream on the NATS server"
	}
	return c
}
