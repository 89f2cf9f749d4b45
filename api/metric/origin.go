package metric

import "slices"

// OriginTags are the labels that say where a metric, a log line or a session
// comes from, in the order in which they are shown. A tag that is not known is
// left out, never sent empty. The agent is a property of a tick, the others are
// labels of its rows.
var OriginTags = [...]string{
	"agent_id", "container_id", "executor_id", "framework_id", "framework_name", "application_name", "task_id", "task_name",
}

// IsOriginTag reports whether a label is one of OriginTags.
func IsOriginTag(name string) bool { return slices.Contains(OriginTags[:], name) }
