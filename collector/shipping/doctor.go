package shipping

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// Doctor reports whether the rules can be read, where shipping would begin, and whether
// the stream of logs is there. It changes nothing. conn is nil if NATS is not to be
// asked, and rulesFile is "" for no rules.
func Doctor(ctx context.Context, conn *nats.Conn, cluster, dir, rulesFile string) []health.Check {
	checks := []health.Check{checkRules(rulesFile), checkPosition(dir)}
	if conn != nil && conn.IsConnected() {
		checks = append(checks, checkStream(ctx, conn, bus.LogsStream(cluster)))
	}
	return checks
}

func checkRules(path string) health.Check {
	c := health.Check{Name: "shipping rules", State: health.OK, Detail: "none: every entry is shipped, unchanged"}
	if path == "" {
		return c
	}
	r, err := rules.Load(path)
	if err != nil {
		c.State, c.Detail, c.Fix = health.Fail, err.Error(),
			"correct the file that --ship-rules names: a collector that runs keeps the rules before it, one that starts ends"
		return c
	}
	c.Detail = fmt.Sprintf("%s: %d filter, %d join, %d sample, %d rate, %d redact", path,
		len(r.Filter), len(r.Join), len(r.Sample), len(r.Rate), len(r.Redact))
	return c
}

func checkPosition(dir string) health.Check {
	c := health.Check{Name: "shipping position", State: health.OK}
	p, err := readPosition(PositionFile(dir))
	switch {
	case err != nil:
		c.State, c.Detail, c.Fix = health.Fail, err.Error(),
			"remove the file; the next start begins as the first one (--ship-since)"
	case p == nil:
		c.Detail = "none yet: the first start begins with entries as old as --ship-since"
	default:
		at := time.UnixMicro(p.realtime)
		c.Detail = fmt.Sprintf("after %s, %v ago", at.UTC().Format(time.RFC3339), time.Since(at).Round(time.Second))
	}
	return c
}

func checkStream(ctx context.Context, conn *nats.Conn, name string) health.Check {
	c := health.Check{Name: "stream of logs", State: health.OK, Detail: name}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.Stream(ctx, name)
	}
	switch {
	case err == nil:
		c.Detail += " is there"
	case errors.Is(err, jetstream.ErrStreamNotFound):
		c.Detail += " is not there yet: the collector creates it if its credential may, else a relay with a log sink does"
	case errors.Is(err, context.DeadlineExceeded):
		c.Detail += ": this credential may not ask the server" // a node's may not ask about streams
	default:
		c.State, c.Detail, c.Fix = health.Warn, name+": "+err.Error(), "enable JetStream on the NATS server"
	}
	return c
}
