package metric

import "slices"

// OriginTags are the labels that identify the source of a metric, a log line or a session,
// in the order in which they are shown. Unknown tags are left out, never sent empty.
// agent_id is a property of the tick, the others are labels of its rows.
var OriginTags = [...]string{
	"agent_id", "container_id", "executor_id", "framework_id", "framework_name", "application_name", "task_id",
	"task_name",
}

// IsOriginTag reports whether a label is one of OriginTags.
func IsOriginTag(name string) bool { return slices.Contains(OriginTags[:], name) }
