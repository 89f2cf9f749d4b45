package logs

import (
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// kind is what a selector names, in the order of query.LogSourceKinds.
type kind int

const (
	containers kind = iota
	tasks
	frameworks
	executors
	applications
	units
	numKinds
)

func selectorsOf(q *query.LogQuery) [numKinds][]string {
	return [numKinds][]string{q.Containers, q.Tasks, q.Frameworks, q.Executors, q.Applications, q.Units}
}

// kindTags are the origin tags that have the ids and names of a kind.
var kindTags = [units][]string{
	containers: {"container_id"}, tasks: {"task_id", "task_name"}, frameworks: {"framework_id", "framework_name"},
	executors: {"executor_id"}, applications: {"application_name"},
}

// names calls fn with the ids and names that an identity has for a kind.
func (i *Identity) names(k kind, fn func(name string)) {
	for _, tag := range kindTags[k] {
		if v := i.Origin.Tag(tag); v != "" {
			fn(v)
		}
	}
	if k == containers && i.Name != "" {
		fn(i.Name)
	}
}

// has reports whether one of names is an id or a name of an identity.
func (i *Identity) has(k kind, names map[string]bool) (found bool) {
	i.names(k, func(name string) { found = found || names[name] })
	return found
}

// tagFields are the fields that hold origin tags, and their tags.
var tagFields = map[string]string{
	"AGENT_ID": "agent_id", "CONTAINER_ID": "container_id", "EXECUTOR_ID": "executor_id", "FRAMEWORK_ID": "framework_id",
	"FRAMEWORK_NAME": "framework_name", "APPLICATION_NAME": "application_name", "TASK_ID": "task_id",
	"TASK_NAME": "task_name",
}

// value returns the first value of a field.
func value(fields []entry.Field, name string) (v []byte, ok bool) {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Value, true
		}
	}
	return nil, false
}
