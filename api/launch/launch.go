package launch

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Container is the answer to POST /container, and an element of that to GET /containers.
type Container struct {
	ContainerID string            `json:"container_id"`
	StatsdHost  string            `json:"statsd_host"`
	StatsdPort  uint16            `json:"statsd_port"`
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Cgroup      string            `json:"cgroup,omitempty"`

	// AgentID is the node's. The client has it from a header, as there may be no body.
	AgentID string `json:"-"`
}

// AgentIDHeader is the header with the node's id in answers to POST /container.
const AgentIDHeader = "Daytwo-Agent-Id"

// Request is the body of POST /container. A Mesos agent sends only the id.
type Request struct {
	ContainerID string            `json:"container_id"`
	StatsdPort  uint16            `json:"statsd_port,omitempty"` // requested; 0 for any
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`

	// Cgroup is the path from the root of its hierarchy. The endpoint is removed with
	// the cgroup.
	Cgroup string `json:"cgroup,omitempty"`

	// Netns is the file of a network namespace, such as /proc/PID/ns/net, in which the
	// collector listens on the endpoint too.
	Netns string `json:"netns,omitempty"`
}

// Error is the body of an answer with an error status.
type Error struct {
	Error string `json:"error"`
}

// Limits of a request.
const (
	MaxBody   = 64 << 10
	MaxID     = 256
	MaxLabels = 64
	MaxKey    = 128
	MaxValue  = 1024
	MaxPath   = 4096
)

// Check returns an error that says what is wrong with a request, nil if nothing is.
func (r *Request) Check() error {
	if err := CheckID(r.ContainerID); err != nil {
		return err
	}
	if err := CheckNames(r.Name, r.Labels); err != nil {
		return err
	}
	for name, path := range map[string]string{"cgroup": r.Cgroup, "netns": r.Netns} {
		if path != "" && (path[0] != '/' || len(path) > MaxPath || strings.ContainsRune(path, 0) ||
			strings.Contains(path+"/", "/../")) {
			return fmt.Errorf("%s: %.80q is not an absolute path of at most %d bytes without \"..\"", name, path, MaxPath)
		}
	}
	return nil
}

// CheckNames returns an error that says what is wrong with a container's name or its
// labels.
func CheckNames(name string, labels map[string]string) error {
	if len(name) > MaxValue || !utf8.ValidString(name) {
		return fmt.Errorf("name: use at most %d bytes of UTF-8", MaxValue)
	}
	if len(labels) > MaxLabels {
		return fmt.Errorf("%d labels: use at most %d", len(labels), MaxLabels)
	}
	for k, v := range labels {
		if err := CheckLabel(k, v); err != nil {
			return err
		}
	}
	return nil
}

// CheckID returns an error that states the rule if id cannot be a container's id.
func CheckID(id string) error {
	ok := len(id) > 0 && len(id) <= MaxID && id != "." && id != ".."
	for i := range len(id) {
		c := id[i]
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
			strings.IndexByte("-_.:", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("container_id: use 1 to %d letters, digits, dots, colons, dashes and underscores", MaxID)
	}
	return nil
}

// CheckLabel returns an error that states the rule if a label is invalid.
func CheckLabel(key, value string) error {
	if key == "" || len(key) > MaxKey || len(value) > MaxValue || !utf8.ValidString(key+value) ||
		strings.ContainsAny(key, "=,\n") {
		return fmt.Errorf("label %.40q: use UTF-8, a key of 1 to %d bytes without = , and line breaks, "+
			"and a value of at most %d bytes", key, MaxKey, MaxValue)
	}
	return nil
}
