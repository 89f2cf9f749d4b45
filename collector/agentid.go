package collector

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
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
	if id, ok := machineID(); ok {
		return id, nil
	}
	return keptAgentID(dataDir)
}

// findAgentID returns the id that AgentID would return, or "" if it would create
// one. It writes nothing.
func findAgentID(dataDir string) (string, error) {
	if id, ok := machineID(); ok {
		return id, nil
	}
	path := agentIDFile(dataDir)
	id, err := atomicfile.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && id == "":
		return "", nil
	case err != nil:
		return "", fmt.Errorf("agent id: %w", err)
	}
	return id, checkKept(path, id)
}

// machineID returns the machine id, if this machine has one that can be used.
func machineID() (id string, ok bool) {
	for _, path := range machineIDs {
		id, err := atomicfile.Read(path)
		if err == nil && setting.CheckAgentID(id) == nil && id != "uninitialized" {
			return id, true
		}
	}
	return "", false
}

// keptAgentID returns the id that is kept in the data directory.
func keptAgentID(dataDir string) (string, error) {
	const advice = "give --agent-id, or a --data directory that can be written"
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return "", fmt.Errorf("agent id: %w; %s", err, advice)
	}
	path := agentIDFile(dataDir)
	id, created, err := atomicfile.Ensure(path, 0o644, func() string {
		var raw [16]byte
		rand.Read(raw[:])
		return fmt.Sprintf("%x", raw)
	})
	if err != nil {
		return "", fmt.Errorf("agent id: %w; %s", err, advice)
	}
	if err := checkKept(path, id); err != nil {
		return "", err
	}
	if created {
		slog.Info("created an agent id: this machine has no machine id", "agent_id", id, "path", path)
	}
	return id, nil
}

// checkKept returns an error if the file at path holds no agent id.
func checkKept(path, id string) error {
	if err := setting.CheckAgentID(id); err != nil {
		return fmt.Errorf("%s: %w; remove the file to get a new id, or give --agent-id", path, err)
	}
	return nil
}

// agentIDFile is where an agent id is kept that this machine does not have.
func agentIDFile(dataDir string) string { return filepath.Join(dataDir, "agent-id") }
