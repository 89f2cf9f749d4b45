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

// machineIDs are the files that may hold the machine id (machine-id(5)), in order
// of preference.
var machineIDs = []string{"/etc/machine-id", "/var/lib/dbus/machine-id"}

// AgentID returns the node's id: the machine id or, on a machine without one, a
// random id that the first call stores in dataDir. It returns an error if dataDir
// cannot be written, or if the id stored there is invalid.
func AgentID(dataDir string) (string, error) {
	if id, ok := machineID(); ok {
		return id, nil
	}
	return storedAgentID(dataDir)
}

// findAgentID returns the id that AgentID would return, or "" if AgentID would
// create one. It writes nothing.
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
	return id, checkStored(path, id)
}

// machineID returns the machine id, and whether this machine has a usable one.
func machineID() (id string, ok bool) {
	for _, path := range machineIDs {
		id, err := atomicfile.Read(path)
		if err == nil && setting.CheckAgentID(id) == nil && id != "uninitialized" {
			return id, true
		}
	}
	return "", false
}

// storedAgentID returns the id stored in the data directory, and creates it if
// there is none.
func storedAgentID(dataDir string) (string, error) {
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
	if err := checkStored(path, id); err != nil {
		return "", err
	}
	if created {
		slog.Info("created an agent id: this machine has no machine id", "agent_id", id, "path", path)
	}
	return id, nil
}

// checkStored returns an error unless id, which was read from path, is a valid
// agent id.
func checkStored(path, id string) error {
	if err := setting.CheckAgentID(id); err != nil {
		return fmt.Errorf("%s: %w; remove the file to get a new id, or give --agent-id", path, err)
	}
	return nil
}

// agentIDFile returns the path of the file that stores the agent id of a machine
// without a machine id.
func agentIDFile(dataDir string) string { return filepath.Join(dataDir, "agent-id") }
