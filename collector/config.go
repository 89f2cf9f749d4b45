package collector

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/bus"
)

// Config is what a collector needs to know. The zero value of a field means
// its default.
type Config struct {
	AgentID   string             // default: the machine id
	Interval  time.Duration      // between ticks; default 1s, at least 100ms
	DataDir   string             // spool, agent id; default /var/lib/daytwo
	Metrics   string             // address of the node's own /metrics; "" = none
	Cluster   string             // default "default"
	Shards    int                // subjects of frames; default 16
	NATS      bus.ConnectOptions // where frames go
	SpoolMax  int64              // bytes; default 256 MiB
	NoBPF     bool               // read files only
	Socket    string             // path of the launch API's socket; "" = none
	Statsd    Statsd
	NoPublish bool // frames go nowhere: /metrics alone
	Log       *slog.Logger
}

const minInterval = 100 * time.Millisecond

var agentIDs = regexp.MustCompile(`^[0-9a-zA-Z-]{1,128}$`)

func (c *Config) defaults() error {
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.Interval < minInterval {
		return fmt.Errorf("interval %v is too short: the least is %v", c.Interval, minInterval)
	}
	if c.DataDir == "" {
		c.DataDir = "/var/lib/daytwo"
	}
	if c.Cluster == "" {
		c.Cluster = "default"
	}
	if c.Shards == 0 {
		c.Shards = 16
	}
	if c.SpoolMax == 0 {
		c.SpoolMax = 256 << 20
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.NATS.Log == nil {
		c.NATS.Log = c.Log
	}
	if c.AgentID == "" {
		id, err := AgentID(c.DataDir)
		if err != nil {
			return err
		}
		c.AgentID = id
	}
	if !agentIDs.MatchString(c.AgentID) {
		return fmt.Errorf("agent id %q: use 1 to 128 letters, digits and dashes", c.AgentID)
	}
	return nil
}

// AgentID is the node's id: the machine id (machine-id(5)), or, where there is
// none, one that is made once and kept in the data directory.
func AgentID(dataDir string) (string, error) {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := os.ReadFile(path); err == nil {
			if id := strings.TrimSpace(string(b)); agentIDs.MatchString(id) && id != "uninitialized" {
				return id, nil
			}
		}
	}
	path := filepath.Join(dataDir, "agent-id")
	if b, err := os.ReadFile(path); err == nil {
		if id := strings.TrimSpace(string(b)); agentIDs.MatchString(id) {
			return id, nil
		}
		return "", fmt.Errorf("%s does not hold an agent id: remove it, or give --agent-id", path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("agent id: %w; give --agent-id", err)
	}
	var raw [16]byte
	rand.Read(raw[:])
	id := fmt.Sprintf("%x", raw)
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return "", fmt.Errorf("agent id: %w; give --agent-id or a --data directory that can be written", err)
	}
	if err := os.WriteFile(path, []byte(id+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("agent id: %w; give --agent-id or a --data directory that can be written", err)
	}
	return id, nil
}
