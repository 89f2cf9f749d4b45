package launch

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Container is the answer to POST /container, and what GET shows.
type Container struct {
	ContainerID string            `json:"container_id"`
	StatsdHost  string            `json:"statsd_host"`
	StatsdPort  uint16            `json:"statsd_port"`
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Cgroup      string            `json:"cgroup,omitempty"`
}

// Request is the body of POST /container. A Mesos agent sends the id alone.
type Request struct {
	ContainerID string            `json:"container_id"`
	StatsdPort  uint16            `json:"statsd_port,omitempty"` // wanted; 0: any
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Cgroup      string            `json:"cgroup,omitempty"` // path from the root of its hierarchy; the endpoint ends with it
	Netns       string            `json:"netns,omitempty"`  // file of the network namespace where the endpoint is to be heard too, /proc/PID/ns/net
}

// Error is the body of an answer that is an error.
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

// Check says what is wrong with a request.
func (r *Request) Check() error {
	if err := CheckID(r.ContainerID); err != nil {
		return err
	}
	if err := CheckNames(r.Name, r.Labels); err != nil {
		return err
	}
	for name, path := range map[string]string{"cgroup": r.Cgroup, "netns": r.Netns} {
		if path != "" && (path[0] != '/' || len(path) > MaxPath || strings.ContainsRune(path, 0) || strings.Contains(path+"/", "/../")) {
			return fmt.Errorf("%s: %.80q is no absolute path, or has .. in it", name, path)
		}
	}
	return nil
}

// CheckNames says what is wrong with a container's name or its labels.
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

// CheckID says what is wrong with a container's id.
func CheckID(id string) error {
	ok := len(id) > 0 && len(id) <= MaxID && id != "." && id != ".."
	for i := range len(id) {
		c := id[i]
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-_.:", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("container_id: use letters, digits, dots, colons, dashes and underscores, %d at most", MaxID)
	}
	return nil
}

// CheckLabel says what is wrong with a label.
func CheckLabel(key, value string) error {
	if key == "" || len(key) > MaxKey || len(value) > MaxValue || !utf8.ValidString(key+value) || strings.ContainsAny(key, "=,\n") {
		return fmt.Errorf("label %.40q: use a key of 1 to %d bytes without = and , and a value of at most %d", key, MaxKey, MaxValue)
	}
	return nil
}
