package collector

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/setting"
)

// Config is what a collector needs to know. The zero value of a field means
// its default.
type Config struct {
	AgentID   string             // default: the machine id
	Interval  time.Duration      // between ticks; default setting.Interval, at least setting.MinInterval
	DataDir   string             // spool, agent id; default setting.Data
	Metrics   string             // address of the node's own /metrics; "" = none
	Cluster   string             // default setting.Cluster
	Shards    int                // subjects of frames; default setting.Shards
	NATS      bus.ConnectOptions // where frames go
	SpoolMax  int64              // bytes; default setting.SpoolBytes
	NoBPF     bool               // read files only
	Socket    string             // path of the launch API's socket; "" = none
	Statsd    Statsd
	NoPublish bool         // frames go nowhere: /metrics alone
	Boot      uint64       // number of this run of the collector, another for each; default: random
	Ready     *ready.Parts // where the collector says what it still waits for; default: its own
	Log       *slog.Logger
}

// defaults fills in what is not set, and returns an error for what cannot work. It
// writes nothing.
func (c *Config) defaults() error {
	if c.Interval == 0 {
		c.Interval = setting.Interval
	}
	if c.Interval < setting.MinInterval {
		return fmt.Errorf("interval %v is too short: the least is %v", c.Interval, setting.MinInterval)
	}
	if c.DataDir == "" {
		c.DataDir = setting.Data
	}
	if c.Cluster == "" {
		c.Cluster = setting.Cluster
	}
	if c.Shards == 0 {
		c.Shards = setting.Shards
	}
	if c.SpoolMax == 0 {
		c.SpoolMax = setting.SpoolBytes
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Boot == 0 {
		c.Boot = rand.Uint64()
	}
	if c.Ready == nil {
		c.Ready = new(ready.Parts)
	}
	if c.NATS.Log == nil {
		c.NATS.Log = c.Log
	}
	if c.AgentID == "" {
		return nil
	}
	return setting.CheckAgentID(c.AgentID)
}

// listeners are the parts (api/ready) that New opens.
func (c *Config) listeners() (names []string) {
	if len(c.Statsd.Listen) > 0 {
		names = append(names, ready.Statsd)
	}
	if c.Socket != "" {
		names = append(names, ready.Launch)
	}
	return names
}

// parts are all parts of a collector.
func (c *Config) parts() []string {
	names := append(c.listeners(), ready.Ticks)
	if c.Metrics != "" {
		names = append(names, ready.NodeMetrics)
	}
	return names
}

// spoolDir is where frames wait while NATS does not take them.
func (c *Config) spoolDir() string { return filepath.Join(c.DataDir, "spool") }
