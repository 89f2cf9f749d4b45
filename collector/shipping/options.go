package shipping

import (
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// Options of a Shipper. Conn, Agent, Logs and Dir are required; the zero value of every
// other field means its default.
type Options struct {
	Conn   *nats.Conn // connected or not; it stays the caller's, who closes it after the shipper
	Agent  string
	Shards int        // default setting.Shards
	Stream bus.Config // Cluster, and how the stream is created if it is missing
	Logs   query.Logs // the logs of this node
	Dir    string     // directory of the position

	Rules *rules.Rules  // default: everything is shipped, unchanged
	Since time.Duration // how old the entries are with which the first start begins; default 0, only new ones

	BatchEntries int           // most entries of a batch; default 8192
	BatchBytes   int           // and their bytes before compression; default 512 KiB
	Flush        time.Duration // longest time that an entry waits for its batch; default 1 s
	AckTimeout   time.Duration // after which a batch is sent again; default 5 s
	SaveEvery    time.Duration // how often the position is saved, and tried again after a failure; default 1 s
	Retry        time.Duration // shortest wait after a failure, at most 30 s; default 500 ms

	Log *slog.Logger // default slog.Default()
}

func (o *Options) complete() error {
	if o.Conn == nil || o.Logs == nil || o.Dir == "" {
		return errors.New("shipping: Options.Conn, Logs and Dir are needed")
	}
	if err := setting.CheckAgentID(o.Agent); err != nil {
		return err
	}
	if o.Stream.Cluster == "" {
		o.Stream.Cluster = setting.Cluster
	}
	if o.Rules == nil {
		o.Rules = new(rules.Rules)
	}
	o.Shards = orDefault(o.Shards, setting.Shards)
	o.BatchEntries = orDefault(o.BatchEntries, 8192)
	o.BatchBytes = orDefault(o.BatchBytes, 512<<10)
	o.Flush = orDefault(o.Flush, time.Second)
	o.AckTimeout = orDefault(o.AckTimeout, 5*time.Second)
	o.SaveEvery = orDefault(o.SaveEvery, time.Second)
	o.Retry = min(orDefault(o.Retry, 500*time.Millisecond), maxRetry)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return nil
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// PositionFile returns the path of the position in a data directory.
func PositionFile(dir string) string { return filepath.Join(dir, "logs-position.json") }
