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

// Config configures a collector. The zero value of a field means its default.
type Config struct {
	AgentID   string             // default: the machine id
	Interval  time.Duration      // between ticks; default setting.Interval, at least setting.MinInterval
	DataDir   string             // directory of the spool and the agent id; default setting.Data
	Metrics   string             // address of the node's own /metrics; "" = none
	Cluster   string             // default setting.Cluster
	Shards    int                // number of subjects that frames are published to; default setting.Shards
	NATS      bus.ConnectOptions // server that frames are published to
	Join      Join               // how this machine becomes a node at its first start
	SpoolMax  int64              // largest size of the spool in bytes; default setting.SpoolBytes
	NoBPF     bool               // load no BPF program: read everything from files
	Socket    string             // path of the launch API's socket; "" = none
	Statsd    Statsd
	Shipping  Shipping
	Logs      Logs
	Sessions  Sessions
	NoPublish bool         // publish no frames: only serve /metrics
	Boot      uint64       // identifies this run of the collector; default: random
	Ready     *ready.Parts // receives the readiness of the collector's parts; default: a new one
	Log       *slog.Logger // default slog.Default()

	// ClusterDefault and NATSDefault say that Cluster and the URLs of NATS are defaults, which
	// give way to those that an enrolled node was told.
	ClusterDefault, NATSDefault bool
}

// defaults fills in the fields that are not set, and returns an error if a field is
// invalid. It writes no file.
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

// listeners returns the names of the parts (api/ready) that New opens.
func (c *Config) listeners() (names []string) {
	if len(c.Statsd.Listen) > 0 {
		names = append(names, ready.Statsd)
	}
	if c.Socket != "" {
		names = append(names, ready.Launch)
	}
	return names
}

// parts returns the names of all parts (api/ready) of a collector.
func (c *Config) parts() []string {
	names := append(c.listeners(), ready.Ticks)
	if c.Metrics != "" {
		names = append(names, ready.NodeMetrics)
	}
	return names
}

// spoolDir returns the directory that holds frames until NATS acknowledges them.
func (c *Config) spoolDir() string { return filepath.Join(c.DataDir, "spool") }
