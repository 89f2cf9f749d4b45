package relay

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/nats.go"
)

// Config is what a relay needs to know. The zero value of a field means its
// default.
type Config struct {
	Listen    string // address of the HTTP API; default 127.0.0.1:8400
	DataDir   string // token, id, history; "": history in memory only, and then TokenFile is needed
	TokenFile string // default <DataDir>/token, made if it is not there
	ID        string // of this relay, another for each; default: made once and kept in DataDir

	Cluster string             // default "default"
	NATS    bus.ConnectOptions // where frames come from
	Conn    *nats.Conn         // use this connection instead; it stays open
	Stream  bus.Config         // the stream, if it has to be made; Cluster is filled in

	MemoryBytes int64         // frames kept in memory, compressed; default 256 MiB
	MemoryFor   time.Duration // default 15 minutes
	DiskBytes   int64         // history on disk; default 2 GiB
	Retention   time.Duration // of history on disk; default 24 hours
	CacheBytes  int64         // newest ticks, decoded; default 256 MiB
	Forget      time.Duration // an agent silent for so long is no longer listed; default 24 hours

	Agent   string            // id of the agent on this machine, which the routes of "this node" answer for; "" if there is none
	Version string            // of the program
	Metrics []func(io.Writer) // more for /metrics, in the text format 0.0.4
	Log     *slog.Logger
}

const (
	defaultListen  = "127.0.0.1:8400"
	defaultCluster = "default"

	// forgetNameless is how long the server keeps the position of a relay that
	// has no data directory, and thus another name at every start.
	forgetNameless = time.Hour
)

var ids = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,64}$`)

func (c *Config) defaults() error {
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	if c.Cluster == "" {
		c.Cluster = defaultCluster
	}
	c.Stream.Cluster = c.Cluster
	if c.Log == nil {
		c.Log = slog.Default()
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
		id, err := relayID(c.DataDir)
		if err != nil {
			return err
		}
		c.ID = id
	}
	if !ids.MatchString(c.ID) {
		return fmt.Errorf("relay id %q: use 1 to 64 letters, digits, dashes and underscores", c.ID)
	}
	return nil
}

// relayID is this relay's name towards NATS: two relays of one name would
// share the frames instead of each getting all.
func relayID(dir string) (string, error) {
	id := strings.ToLower(rand.Text()[:16])
	if dir == "" {
		return id, nil
	}
	path := filepath.Join(dir, "relay-id")
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		if kept := strings.TrimSpace(string(b)); ids.MatchString(kept) {
			return kept, nil
		}
		return "", fmt.Errorf("%s does not hold a relay id: remove it", path)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("relay id: %w", err)
	}
	if err := os.WriteFile(path, []byte(id+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("relay id: %w; give --data a directory that can be written", err)
	}
	return id, nil
}
