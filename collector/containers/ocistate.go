package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ociState is the state that runc or crun stores of a container.
type ociState struct {
	record
	ticks   uint64            // start of the first process, in clock ticks since boot
	cgroups map[string]string // directories by controller, including the mount point
	storage podmanNames       // names of a podman container
}

// parseState reads the state of runc or crun in a container's directory. It may block on
// the filesystem.
func parseState(dir string) (*ociState, error) {
	st, bundle, err := readState(dir)
	if err == nil && st.labels["io.container.manager"] == "libpod" {
		st.storage = podmanStorage(st.id, bundle)
	}
	return st, err
}

func readState(dir string) (*ociState, string, error) {
	id := filepath.Base(dir)
	b, err := readRegular(dir+"/state.json", maxState)
	if err == nil {
		return parseRunc(id, b)
	}
	if b, err = readRegular(dir+"/status", maxState); err != nil {
		return nil, "", err
	}
	st, bundle, err := parseCrun(id, b)
	if err == nil {
		if b, err := readRegular(dir+"/config.json", maxState); err == nil { // crun's copy of the bundle's config.json
			st.labels = annotations(b)
		}
	}
	return st, bundle, err
}

// parseRunc reads runc's state.json (libcontainer.State).
func parseRunc(id string, b []byte) (*ociState, string, error) {
	var s struct {
		ID      string            `json:"id"`
		Pid     int               `json:"init_process_pid"`
		Start   uint64            `json:"init_process_start"`
		Created string            `json:"created"` // RFC 3339
		Cgroups map[string]string `json:"cgroup_paths"`
		Config  struct {
			Labels []string `json:"labels"`
		} `json:"config"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, "", fmt.Errorf("state.json: %w", err)
	}
	if s.ID != id {
		return nil, "", errors.New("state.json: of another container")
	}
	rec := record{id: id, runtime: "runc", pid: max(s.Pid, 0), started: unixNano(s.Created), labels: map[string]string{}}
	st := &ociState{record: rec, ticks: s.Start, cgroups: s.Cgroups}
	bundle := ""
	for _, l := range s.Config.Labels {
		k, v, _ := strings.Cut(l, "=")
		if k == "bundle" {
			bundle = v
		} else if k != "" && len(st.labels) < 4*maxLabels && len(k) <= maxLabelKey {
			st.labels[k] = v[:min(len(v), maxLabelValue)]
		}
	}
	return st, bundle, nil
}

// parseCrun reads crun's status file (libcrun_container_status_t).
func parseCrun(id string, b []byte) (*ociState, string, error) {
	var s struct {
		Pid     int    `json:"pid"`
		Start   uint64 `json:"process-start-time"`
		Created string `json:"created"` // RFC 3339
		Cgroup  string `json:"cgroup-path"`
		Bundle  string `json:"bundle"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, "", fmt.Errorf("status: %w", err)
	}
	rec := record{id: id, runtime: "crun", pid: max(s.Pid, 0), started: unixNano(s.Created)}
	st := &ociState{record: rec, ticks: s.Start}
	if strings.HasPrefix(s.Cgroup, "/") && filepath.Clean(s.Cgroup) != "/" {
		st.paths = []string{filepath.Clean(s.Cgroup)}
	}
	return st, s.Bundle, nil
}

// annotations returns the annotations of an OCI runtime specification.
func annotations(b []byte) map[string]string {
	var spec struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(b, &spec) != nil {
		return nil
	}
	return boundLabels(spec.Annotations)
}
