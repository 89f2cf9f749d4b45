package relay

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/nats-io/nats.go"
)

// Config is the configuration of a relay. The zero value of a field means its default.
type Config struct {
	Listen    string // address of the HTTP API; default setting.Listen
	DataDir   string // token, id, history; "": history in memory only, and TokenFile is required
	TokenFile string // default <DataDir>/token, created if it is missing
	Access    Access // who else may use the API, and TLS
	Keys      Keys   // of the cluster; without them this relay lets no nodes in
	Insecure  bool   // Listen and NATS may go over the network without TLS or authentication
	ID        string // of this relay, unique among relays; default: created once and kept in DataDir

	Cluster string             // default setting.Cluster
	NATS    bus.ConnectOptions // the server that has the stream of frames
	Conn    *nats.Conn         // used instead of NATS if not nil; the caller closes it
	Stream  bus.Config         // used if the stream is missing; Cluster is filled in
	Logs    bus.Config         // likewise of the stream of logs, which sinks receive

	MemoryBytes int64         // bound of the compressed frames in memory; default 256 MiB
	MemoryFor   time.Duration // how long frames stay in memory; default 15 minutes
	DiskBytes   int64         // bound of the history on disk; default setting.HistoryBytes
	Retention   time.Duration // how long history stays on disk; default setting.History
	CacheBytes  int64         // approximate bound of the decoded newest ticks; default 256 MiB
	Forget      time.Duration // an agent silent for so long is no longer listed; default 24 hours

	Recordings Recordings // of sessions

	SinksFile string            // configuration of the sinks of logs; "" for none
	Agent     string            // id of the agent on this machine, "this node" of the API; "" without one
	AgentBoot uint64            // boot number of a collector in this process: Ready waits for its ticks; 0 without one
	Ready     *ready.Parts      // where the relay adds the parts that have to be ready; default: its own
	Version   string            // of the program
	Metrics   []func(io.Writer) // write more families to /metrics, in the text format 0.0.4
	Log       *slog.Logger      // default slog.Default()
}

// Recordings configures which sessions are recorded, and how long that is kept.
type Recordings struct {
	All        string        // of sessions that no rule wants to be recorded: "", "output" or "input"
	Keep       time.Duration // default 30 days
	Bytes      int64         // of all; default 1 GiB
	Recipients string        // file of age recipients to whom they are encrypted; "" for nobody
	Unseen     bool          // people are not told of auditors who watch them
}

// forgetNameless is how long the server keeps the consumer of a relay without a data
// directory, which has another id at every start.
const forgetNameless = time.Hour

func (c *Config) defaults() error {
	if c.Listen == "" {
		c.Listen = setting.Listen
	}
	if c.Cluster == "" {
		c.Cluster = setting.Cluster
	}
	c.Stream.Cluster, c.Logs.Cluster = c.Cluster, c.Cluster
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Ready == nil {
		c.Ready = new(ready.Parts)
	}
	if c.NATS.Log == nil {
		c.NATS.Log = c.Log
	}
	c.NATS.Insecure = c.NATS.Insecure || c.Insecure
	if c.NATS.Name == "" {
		c.NATS.Name = "daytwo relay"
	}
	if c.DataDir != "" {
		if err := os.MkdirAll(c.DataDir, 0o755); err != nil {
			return fmt.Errorf("data directory: %w; give --data a directory that can be written", err)
		}
	}
	if c.ID == "" {
		id, err := relayID(c.DataDir, c.Log)
		if err != nil {
			return err
		}
		c.ID = id
	}
	return setting.CheckRelayID(c.ID)
}

// relayID returns the id that names this relay's consumer: two relays with the same id
// would share the frames instead of each receiving all of them. The id is kept in dir;
// if dir is "", every start creates another one.
func relayID(dir string, log *slog.Logger) (string, error) {
	create := func() string { return strings.ToLower(rand.Text()[:16]) }
	if dir == "" {
		return create(), nil
	}
	path := filepath.Join(dir, "relay-id")
	id, created, err := atomicfile.Ensure(path, 0o644, create)
	if err != nil {
		return "", fmt.Errorf("relay id: %w; give --data a directory that can be written", err)
	}
	if err := setting.CheckRelayID(id); err != nil {
		return "", fmt.Errorf("%s: %w; remove the file to get a new id", path, err)
	}
	if created {
		log.Info("created a relay id", "relay_id", id, "path", path)
	}
	return id, nil
}
