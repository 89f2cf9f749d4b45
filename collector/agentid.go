package collector

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/setting"
)

// machineIDs are the files of the machine id (machine-id(5)), best first.
var machineIDs = []string{"/etc/machine-id", "/var/lib/dbus/machine-id"}

// AgentID returns the node's id: the machine id or, where there is none, one that
// is created once and kept in the data directory.
func AgentID(dataDir string) (string, error) {
	for _, path := range machineIDs {
		if id, err := atomicfile.Read(path); err == nil && setting.CheckAgentID(id) == nil && id != "uninitialized" {
			return id, nil
		}
	}
	return keptAgentID(dataDir)
}

// keptAgentID returns the id that is kept in the data directory.
func keptAgentID(dataDir string) (string, error) {
	const advice = "give --agent-id, or a --data directory that can be written"
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return "", fmt.Errorf("agent id: %w; %s", err, advice)
	}
	path := filepath.Join(dataDir, "agent-id")
	id, created, err := atomicfile.Ensure(path, 0o644, func() string {
		var raw [16]byte
		rand.Read(raw[:])
		return fmt.Sprintf("%x", raw)
	})
	if err != nil {
		return "", fmt.Errorf("agent id: %w; %s", err, advice)
	}
	if err := setting.CheckAgentID(id); err != nil {
		return "", fmt.Errorf("%s: %w; remove the file to get a new id, or give --agent-id", path, err)
	}
	if created {
		slog.Info("created an agent id: this machine has no machine id", "agent_id", id, "path", path)
	}
	return id, nil
}
