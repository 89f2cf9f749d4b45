package setting

import "time"

// Defaults of flags, and of zero values in configurations.
const (
	Listen      = "127.0.0.1:8400"        // address of the relay's HTTP API
	Metrics     = "127.0.0.1:61091"       // address of a node's own /metrics
	NATS        = "nats://127.0.0.1:4222" // URL of the NATS server
	RelaySocket = "relay.sock"            // name of the relay's unix socket in its data directory
	SessionKey  = "session-key.pem"       // name of the key that signs a relay's grants, likewise
	Data        = "/var/lib/daytwo"       // directory of a service's data

	Cluster  = "default"   // name of the cluster
	Shards   = 16          // shards of a cluster's agents; the same number for all its programs
	Interval = time.Second // between ticks

	SpoolBytes   = 256 << 20      // bound of a collector's spool, which holds frames while NATS is unreachable
	HistoryBytes = 2 << 30        // bound of a relay's history on disk
	History      = 24 * time.Hour // how long a relay keeps history on disk

	ShipSince     = time.Hour          // how old the entries are with which log shipping begins the first time
	LogsRetention = 7 * 24 * time.Hour // how long NATS keeps shipped logs
	LogsBytes     = 8 << 30            // bound of the stream of shipped logs

	RecordingsKeep  = 30 * 24 * time.Hour // how long a relay keeps recordings of sessions
	RecordingsBytes = 1 << 30             // bound of all recordings

	NodeValidity = 90 * 24 * time.Hour // how long the credential of a node is valid

	StatsdBudget = 10_000    // most StatsD series of one container
	StatsdSeries = 1_000_000 // most StatsD series of all containers
	StatsdExpiry = time.Hour // after which a StatsD series without samples is removed
)

// StatsdListen returns the default addresses of the StatsD listeners: the usual port of
// StatsD clients, and that of DC/OS, on both loopback addresses, since "localhost"
// resolves to either.
func StatsdListen() []string {
	return []string{"127.0.0.1:8125", "[::1]:8125", "127.0.0.1:61825", "[::1]:61825"}
}

// Limits of settings.
const (
	MinInterval = 100 * time.Millisecond
	MaxInterval = time.Hour
	MaxShards   = 1024
)

// Journal returns the default directories of journal files: those of journald.
func Journal() []string { return []string{"/run/log/journal", "/var/log/journal"} }
