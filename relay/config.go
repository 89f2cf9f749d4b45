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

// Config is what a relay needs to know. The zero value of a field means its
// default.
type Config struct {
	Listen    string // address of the HTTP API; default setting.Listen
	DataDir   string // token, id, history; "": history in memory only, and then TokenFile is needed
	TokenFile string // default <DataDir>/token, made if it is not there
	ID        string // of this relay, another for each; default: made once and kept in DataDir

	Cluster string             // default setting.Cluster
	NATS    bus.ConnectOptions // where frames come from
	Conn    *nats.Conn         // use this connection instead; it stays open
	Stream  bus.Config         // the stream, if it has to be made; Cluster is filled in

	MemoryBytes int64         // frames kept in memory, compressed; default 256 MiB
	MemoryFor   time.Duration // default 15 minutes
	DiskBytes   int64         // history on disk; default setting.HistoryBytes
	Retention   time.Duration // of history on disk; default setting.History
	CacheBytes  int64         // newest ticks, decoded; default 256 MiB
	Forget      time.Duration // an agent silent for so long is no longer listed; default 24 hours

	Agent     string            // id of the agent on this machine, "this node" of the API; "" if there is none
	AgentBoot uint64            // run of the agent's collector, if that is in this process: Ready waits for its ticks
	Ready     *ready.Parts      // where the relay says what it still waits for; default: its own
	Version   string            // of the program
	Metrics   []func(io.Writer) // more for /metrics, in the text format 0.0.4
	Log       *slog.Logger
}

const (
	// forgetNameless is how long the server keeps the position of a relay that
	// has no data directory, and thus another name at every start.
	forgetNameless = time.Hour
)

func (c *Config) defaults() error {
	if c.Listen == "" {
		c.Listen = setting.Listen
	}
	if c.Cluster == "" {
		c.Cluster = setting.Cluster
	}
	c.Stream.Cluster = c.Cluster
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Ready == nil {
		c.Ready = new(ready.Parts)
	}
	if c.NATS.Log == nil {
		c.NATS.Log = c.Log
	}
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

// relayID returns this relay's name towards NATS: two relays of one name would
// share the frames instead of each getting all. It is kept in dir; with none it is
// new at every start.
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
