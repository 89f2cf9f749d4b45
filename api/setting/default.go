package setting

import "time"

// Defaults, of flags and of the zero values of configurations alike.
const (
	Listen  = "127.0.0.1:8400"        // address of the relay's HTTP API
	Metrics = "127.0.0.1:61091"       // address of a node's own /metrics
	NATS    = "nats://127.0.0.1:4222" // URL of the NATS server
	Data    = "/var/lib/daytwo"       // directory of a service's data

	Cluster  = "default"   // name of the cluster
	Shards   = 16          // subjects that a cluster's agents are spread over; all its programs must agree on it
	Interval = time.Second // between ticks

	SpoolBytes   = 256 << 20      // of frames on a node's disk while NATS is unreachable
	HistoryBytes = 2 << 30        // of frames on a relay's disk
	History      = 24 * time.Hour // how long they are kept there

	StatsdBudget = 10_000    // StatsD series of one container
	StatsdSeries = 1_000_000 // StatsD series of all containers
	StatsdExpiry = time.Hour // after which a silent StatsD series is forgotten
)

// StatsdListen returns the addresses on which StatsD is received: the port that
// everybody's clients send to, and that of DC/OS, on both loopback addresses, since
// "localhost" is either.
func StatsdListen() []string {
	return []string{"127.0.0.1:8125", "[::1]:8125", "127.0.0.1:61825", "[::1]:61825"}
}

// Limits of settings.
const (
	MinInterval = 100 * time.Millisecond
	MaxInterval = time.Hour
	MaxShards   = 1024
)
