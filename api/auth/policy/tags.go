package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Tags are what is known of the thing that somebody asks for. Those that are empty match
// no pattern, not even *. The zero value is for resources without tags.
type Tags struct {
	Agent   string        // id of the agent
	Labels  []frame.Label // of a container's row
	Origin  *entry.Origin // of a log entry; if set, it counts instead of Agent and Labels for origin tags
	User    string        // as whom a command runs in a container
	Command string        // its arguments, with a space between them
	Path    string        // that is copied in a container
}

// RowTags returns the tags of a row of metrics. parent is the row of the container to
// which it belongs, nil if there is none, or it is unknown. Without a row they are those
// of the agent.
func RowTags(agent string, row, parent *frame.Row) Tags {
	switch {
	case parent != nil:
		return Tags{Agent: agent, Labels: parent.Labels} // what a task sends says nothing about whose it is
	case row != nil && row.Parent == 0:
		return Tags{Agent: agent, Labels: row.Labels}
	}
	return Tags{Agent: agent}
}

// key is a key of where.
type key struct {
	label  string // name of the row label, or "user"
	origin int    // index in metric.OriginTags, -1 if it is none
}

// shortKeys are the keys that are not the name of an origin tag.
var shortKeys = []struct{ key, label string }{
	{"agent", "agent_id"}, {"application", "application_name"}, {"framework", "framework_name"},
	{"task", "task_name"}, {"executor", "executor_id"}, {"container", "container_id"},
	{"image", "image"}, {"namespace", "namespace"}, {"user", "user"}, {"command", "command"},
	{"path", "path"},
}

// Keys that are no tags of a container, but of what is run in it.
const (
	userKey    = "user"
	commandKey = "command"
	pathKey    = "path"
)

// parseKey returns the key of a name.
func parseKey(name string) (key, error) {
	label := name
	for _, k := range shortKeys {
		if k.key == name {
			label = k.label
		}
	}
	switch {
	case metric.IsOriginTag(label):
		return key{label, slices.Index(metric.OriginTags[:], label)}, nil
	case label != name, label == "image", label == "namespace", label == userKey, label == commandKey,
		label == pathKey:
		return key{label, -1}, nil
	case strings.HasPrefix(name, metric.RuntimeLabel) && len(name) > len(metric.RuntimeLabel):
		return key{name, -1}, nil
	}
	var known []string
	for _, k := range shortKeys {
		known = append(known, k.key)
	}
	return key{}, fmt.Errorf("unknown key %q: use %s, label.KEY, or an origin tag (%s)",
		name, strings.Join(known, ", "), strings.Join(metric.OriginTags[:], ", "))
}

// SetTag sets a tag by its name in where, for questions that name tags one by one.
func (t *Tags) SetTag(name, value string) error {
	k, err := parseKey(name)
	switch {
	case err != nil:
		return err
	case k.label == userKey:
		t.User = value
	case k.label == commandKey:
		t.Command = value
	case k.label == pathKey:
		t.Path = value
	case k.origin == 0:
		t.Agent = value
	default:
		t.Labels = append(t.Labels[:len(t.Labels):len(t.Labels)], frame.Label{Name: k.label, Value: value})
	}
	return nil
}

// value returns the value of a key, "" if there is none.
func (t *Tags) value(k *key) string {
	switch {
	case k.origin >= 0 && t.Origin != nil:
		return t.Origin[k.origin]
	case k.origin == 0:
		return t.Agent
	case k.label == userKey:
		return t.User
	case k.label == commandKey:
		return t.Command
	case k.label == pathKey:
		return t.Path
	}
	for i := range t.Labels {
		if t.Labels[i].Name == k.label {
			return t.Labels[i].Value
		}
	}
	return ""
}
