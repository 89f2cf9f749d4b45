package cli

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/unixsocket"
)

// Config is what the programs are told by flags, environment and file. Fields
// that a program has no flag for hold their defaults.
type Config struct {
	Listen         string        // HTTP address of the relay
	Data           string        // directory of everything kept
	Interval       time.Duration // between ticks
	AgentID        string        // "" for the machine id
	Metrics        string        // address of the node's own /metrics, "" for none
	Cluster        string        // part of every subject
	Shards         int           // of subjects; the same everywhere in a cluster
	NATS           []string      // servers; empty: publish nowhere
	NATSCreds      string        // credentials file, "" for none
	NATSCA         string        // file of certificates to trust, "" for the system's
	NATSCert       string        // file of the client certificate, "" for none
	NATSKey        string        // file of its key
	Replicas       int           // of the stream of frames
	TokenFile      string        // of the API; "" for token in Data, made if it is not there
	NoBPF          bool          // read the kernel's files only
	Socket         string        // of the launch API
	Statsd         Statsd
	SpoolSize      int64         // bytes kept on disk while NATS is away
	Retention      time.Duration // how long history is kept
	RetentionSize  int64         // bytes of history kept on disk
	Ready          *ready.Parts  // where the program says what it still waits for
	LogLevel       slog.Level
	LogFormat      string       // "text" or "json"
	Log            *slog.Logger // made of the two above, to stderr
	explicitConfig string
}

// Statsd is what the collector is told of StatsD.
type Statsd struct {
	Listen   []string         // addresses, none for no StatsD
	Defaults bool             // nobody asked for those addresses: they are the defaults
	Ports    launch.PortRange // for containers; zero for those that the collector chooses
	Rules    string           // file of rules, "" for none
	Budget   int              // series of one container
	Series   int              // series of all containers
	Expiry   Expiry           // how long silent series stay
}

// program is a set of the commands that run something.
type program uint8

const (
	up program = 1 << iota
	collector
	relay
	doctor
)

// option is one setting: a flag, a key in the file, a variable of the
// environment.
type option struct {
	name string
	in   program
	add  func(fs *pflag.FlagSet, c *Config, name string)
}

// DefaultData is the data directory of this user: setting.Data for root.
func DefaultData() string {
	if os.Geteuid() == 0 {
		return setting.Data
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "daytwo")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "daytwo")
	}
	return setting.Data
}

var options = []option{
	{"listen", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Listen, name, setting.Listen, "serve the HTTP API on `ADDRESS`")
	}},
	{"token-file", up | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.TokenFile, name, "", "the API wants the token in `FILE` (default: token in the data directory, made if it is not there)")
	}},
	{"data", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Data, name, "", "keep everything in `DIR`: token, history, spool (default: "+setting.Data+", without root ~/.local/share/daytwo)")
	}},
	{"interval", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Interval = setting.Interval
		fs.Var((*age)(&c.Interval), name, "read everything every `DURATION`, on the wall-clock grid; 100ms or more")
	}},
	{"agent-id", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.AgentID, name, "", "call this node `ID` (default: the machine id)")
	}},
	{"metrics", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Metrics, name, setting.Metrics, "serve this node's own /metrics on `ADDRESS`, a loopback one as it asks for no token; \"none\" for none")
	}},
	{"cluster", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Cluster, name, setting.Cluster, "`NAME` of the cluster; collectors and relays of one name see each other")
	}},
	{"shards", up | collector | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Shards, name, setting.Shards, "spread agents over `N` subjects; the same in the whole cluster")
	}},
	{"nats", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.NATS, name, []string{setting.NATS}, "NATS servers, as `URL`,…")
	}},
	{"nats-creds", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSCreds, name, "", "credentials `FILE` for NATS")
	}},
	{"nats-ca", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSCA, name, "", "trust the certificates in `FILE` for NATS (default: the system's)")
	}},
	{"nats-cert", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSCert, name, "", "show NATS the client certificate in `FILE`")
	}},
	{"nats-key", collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.NATSKey, name, "", "key `FILE` of the client certificate")
	}},
	{"nats-replicas", relay, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Replicas, name, 1, "keep frames in NATS `N` times: 1, 3 or 5, at most the number of servers")
	}},
	{"socket", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Socket, name, "", "hand out containers' endpoints on the unix socket `PATH` (default: "+launch.SocketName+" in the data directory)")
	}},
	{"statsd", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringSliceVar(&c.Statsd.Listen, name, setting.StatsdListen(), "hear StatsD on `ADDRESS`,…: host:port, unixgram:///path or unix:///path, each with ?dialect=etsy and more behind it if need be; \"none\" for none")
	}},
	{"statsd-ports", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.Var((*portRange)(&c.Statsd.Ports), name, "give containers the ports `FIRST-LAST` (default 20000-29999, or others where the kernel gives those to clients); each collector in one network namespace needs its own")
	}},
	{"statsd-rules", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.Statsd.Rules, name, "", "rename, label or drop metrics by the mappings in `FILE`, in the form of statsd_exporter's")
	}},
	{"statsd-budget", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Statsd.Budget, name, setting.StatsdBudget, "keep at most `N` series of one container; what is beyond goes into one overflow series")
	}},
	{"statsd-series", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.IntVar(&c.Statsd.Series, name, setting.StatsdSeries, "keep at most `N` series of all containers, in some 300 bytes each")
	}},
	{"statsd-expiry", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Statsd.Expiry = Expiry{setting.StatsdExpiry, setting.StatsdExpiry, setting.StatsdExpiry, setting.StatsdExpiry}
		fs.Var(expiry{&c.Statsd.Expiry}, name, "forget a series `AFTER` so long without a sample; by type as counter=7d,gauge=5m,histogram=1h,set=1h")
	}},
	{"no-bpf", up | collector | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.BoolVar(&c.NoBPF, name, false, "load no BPF program, read the kernel's files only")
	}},
	{"spool-size", up | collector, func(fs *pflag.FlagSet, c *Config, name string) {
		c.SpoolSize = setting.SpoolBytes
		fs.Var((*size)(&c.SpoolSize), name, "keep at most `SIZE` of frames on disk while NATS is away")
	}},
	{"retention", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.Retention = setting.History
		fs.Var((*age)(&c.Retention), name, "keep history for `DURATION` (units ms s m h d)")
	}},
	{"retention-size", up | relay, func(fs *pflag.FlagSet, c *Config, name string) {
		c.RetentionSize = setting.HistoryBytes
		fs.Var((*size)(&c.RetentionSize), name, "keep at most `SIZE` of history on disk (units KiB MiB GiB TiB)")
	}},
	{"log-level", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.Var((*level)(&c.LogLevel), name, "log from `LEVEL` on: debug, info, warn, error")
	}},
	{"log-format", up | collector | relay | doctor, func(fs *pflag.FlagSet, c *Config, name string) {
		fs.StringVar(&c.LogFormat, name, "text", "`FORMAT` of the log on stderr: text, json")
	}},
}

// newConfig registers the flags of a program, and fills what it has no flag
// for with defaults.
func newConfig(fs *pflag.FlagSet, p program) *Config {
	c := new(Config)
	rest := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, o := range options {
		if o.in&p != 0 {
			o.add(fs, c, o.name)
		} else {
			o.add(rest, c, o.name)
		}
	}
	fs.StringVar(&c.explicitConfig, "config", "", "read settings from `FILE` (YAML): every flag is a key of the same name")
	return c
}

// check refuses what no program could run with, and makes the logger.
func (c *Config) check() error {
	if c.Data == "" {
		c.Data = DefaultData()
	}
	if c.Metrics == "none" {
		c.Metrics = ""
	}
	if c.Socket == "" {
		c.Socket = filepath.Join(c.Data, launch.SocketName)
	}
	if len(c.Statsd.Listen) == 1 && c.Statsd.Listen[0] == "none" {
		c.Statsd.Listen = nil
	}
	if len(c.NATS) == 1 && c.NATS[0] == "none" {
		c.NATS = nil
	}
	if err := checkAddress("listen", c.Listen); err != nil {
		return err
	}
	if c.Metrics != "" {
		if err := checkAddress("metrics", c.Metrics); err != nil {
			return err
		}
		if host, _, _ := net.SplitHostPort(c.Metrics); !isLoopback(host) {
			return fmt.Errorf("metrics: %s is no loopback address, and the node's /metrics asks for no token: use 127.0.0.1:PORT, or the relay's /fleet/metrics", c.Metrics)
		}
	}
	if c.AgentID != "" {
		if err := setting.CheckAgentID(c.AgentID); err != nil {
			return fmt.Errorf("agent-id: %w", err)
		}
	}
	if err := setting.CheckCluster(c.Cluster); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	switch {
	case c.Interval < setting.MinInterval || c.Interval > setting.MaxInterval:
		return fmt.Errorf("interval: %v is not between 100ms and 1h", c.Interval)
	case c.Shards < 1 || c.Shards > setting.MaxShards:
		return fmt.Errorf("shards: %d is not between 1 and %d", c.Shards, setting.MaxShards)
	case c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5:
		return fmt.Errorf("nats-replicas: %d is none of 1, 3, 5", c.Replicas)
	case (c.NATSCert == "") != (c.NATSKey == ""):
		return fmt.Errorf("nats-cert and nats-key go together")
	case c.Statsd.Budget < 1:
		return fmt.Errorf("statsd-budget: %d is less than 1", c.Statsd.Budget)
	case c.Statsd.Series < 1:
		return fmt.Errorf("statsd-series: %d is less than 1", c.Statsd.Series)
	case c.LogFormat != "text" && c.LogFormat != "json":
		return fmt.Errorf("log-format: %q is neither text nor json", c.LogFormat)
	}
	h := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		c.Log = slog.New(slog.NewJSONHandler(os.Stderr, h))
	} else {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, h))
	}
	return nil
}

// checkSocket refuses a path that no unix socket can have, before anything runs.
func (c *Config) checkSocket() error {
	err := unixsocket.CheckPath(c.Socket)
	switch {
	case err == nil:
		return nil
	case c.Socket == filepath.Join(c.Data, launch.SocketName):
		return fmt.Errorf("socket: %w: give --socket a shorter path, or --data a shorter directory", err)
	}
	return fmt.Errorf("socket: %w: give --socket a shorter path", err)
}

func checkAddress(key, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s: %q: want HOST:PORT, for example %s (%v)", key, address, setting.Listen, err)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
