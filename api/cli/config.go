package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/setting"
)

// Config holds the settings of the programs, from flags, environment and file.
// Settings that a program has no flag for have their defaults.
type Config struct {
	Listen         string        // address of the relay's HTTP API
	Data           string        // data directory
	Interval       time.Duration // between ticks
	AgentID        string        // "" for the machine id
	Metrics        string        // address of the node's own /metrics, "" for none
	Cluster        string        // name of the cluster, part of every NATS subject
	Shards         int           // number of NATS subjects, the same in the whole cluster
	NATS           []string      // URLs of servers; with none, a collector publishes nothing
	NATSCreds      string        // file of credentials, "" for none
	NATSCA         string        // file of certificates to trust, "" for the system's
	NATSCert       string        // file of the client certificate, "" for none
	NATSKey        string        // file of the client certificate's key
	NATSListen     string        // address of the embedded server for other nodes, "" for none
	NATSAdvertise  []string      // URLs of the servers for nodes that are enrolled; none: NATS
	ClusterKeys    string        // directory of the cluster's keys, "" for none
	NodeValidity   time.Duration // of the credentials of nodes that are enrolled
	Join           Join          // how a collector becomes a node
	Defaults       Defaults      // which settings were not set
	Replicas       int           // of the stream of frames
	TokenFile      string        // of the API; "" for the file token in Data, created if it does not exist
	NoBPF          bool          // read the kernel's files only
	Socket         string        // path of the launch API's unix socket
	Statsd         Statsd        // of the collector
	ShipLogs       bool          // ship this node's log entries
	ShipRules      string        // file of rules of shipping, "" for none
	ShipSince      time.Duration // how old the entries are with which the first start begins
	LogsRetention  time.Duration // how long NATS keeps shipped logs
	LogsSize       int64         // bytes of shipped logs that NATS keeps
	Journal        []string      // directories with journal files; none turns logs off
	NodeExec       bool          // relays may allow commands on the node itself
	SessionKeys    string        // file with the public keys of relays that may open sessions; "": the relay's own
	SessionPolicy  string        // the node's own policy file, which narrows what relays allow
	SpoolSize      int64         // bytes kept on disk while NATS is unreachable
	Retention      time.Duration // how long history is kept
	RetentionSize  int64         // bytes of history kept on disk
	Recordings     Recordings    // of sessions
	Sinks          string        // file of the sinks of logs, "" for none
	Access         Access        // who may use the API
	Insecure       bool          // let the API and NATS go over the network without TLS or authentication
	Ready          *ready.Parts  // where the program registers what it still waits for
	LogLevel       slog.Level
	LogFormat      string       // "text" or "json"
	Log            *slog.Logger // to stderr, in LogFormat from LogLevel on
	explicitConfig string       // value of --config
}

// Access holds the relay's settings of who may use its API.
type Access struct {
	PolicyFile string // what everybody but the admin may do; "": nothing

	JWTKeys     []string // files or URLs with the keys of other issuers of tokens
	JWTIssuer   string   // "iss" that their tokens must have; "" for any
	JWTAudience string   // "aud" that their tokens must have; "" for any
	JWTName     []string // claims that may have the bearer's name, best first
	JWTGroups   string   // claim with the groups

	OIDCIssuer       string   // URL of the identity provider at which people sign in; "" for none
	OIDCClientID     string   // of the relay there
	OIDCClientSecret string   // file with that client's secret; "" for a client without
	OIDCScopes       []string // which the relay asks for
	OIDCName         []string // claims with a user's name
	OIDCGroups       string   // claim with a user's groups
	OIDCCA           string   // file with the provider's authorities; "" for the system's
	PublicURL        string   // how users reach the relay; "" as each browser says

	Certificate, Key string // files for TLS; "" for none
	ClientCA         string // file with the authorities of client certificates; "" for none
}

// Recordings holds the relay's settings of recordings of sessions.
type Recordings struct {
	All        string        // of sessions that no rule wants to be recorded: "", "output" or "input"
	Keep       time.Duration // how long
	Bytes      int64         // of all
	Recipients string        // file of age recipients, "" for no encryption
	Unseen     bool          // people are not told of auditors who watch them
}

// Join holds how a collector becomes a node of a cluster at its first start.
type Join struct {
	Relay string // URL of a relay with the cluster's keys; "": it does not
	Code  string // enrolment code
	CA    string // file of authorities to trust for the relay, "" for the system's
}

// Defaults says which settings are defaults, that others may take the place of.
type Defaults struct{ Cluster, NATS bool }

// Statsd holds the collector's settings of StatsD.
type Statsd struct {
	Listen   []string         // addresses; none turns StatsD off
	Defaults bool             // Listen was not set: it holds the default addresses
	Ports    launch.PortRange // for containers; with the zero value the collector chooses
	Rules    string           // file of mapping rules, "" for none
	Budget   int              // most series of one container
	Series   int              // most series of all containers
	Expiry   Expiry           // how long a series without samples is kept
}

// program is a set of the commands that have a Config.
type program uint8

const (
	up program = 1 << iota
	collector
	relay
	doctor
)

// DefaultData returns the data directory of this user: setting.Data for root, else
// daytwo in $XDG_DATA_HOME, which is ~/.local/share by default.
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

// newConfig registers the flags of a program, and sets all other settings to their
// defaults.
func newConfig(fs *pflag.FlagSet, p program) *Config {
	c := new(Config)
	rest := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, f := range configFlags {
		if f.in&p != 0 {
			f.add(fs, c, f.name)
		} else {
			f.add(rest, c, f.name)
		}
	}
	fs.StringVar(&c.explicitConfig, "config", "",
		"read settings from the YAML `FILE`: its keys are the names of the flags")
	return c
}
