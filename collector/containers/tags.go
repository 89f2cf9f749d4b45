package containers

import "strings"

// tag is an origin tag: a scheduler's term for a container. See the package
// documentation.
type tag int

const (
	frameworkName tag = iota
	frameworkID
	executorID
	applicationName
	taskID
	taskName
	numTags
)

var tagNames = [numTags]string{
	"framework_name", "framework_id", "executor_id", "application_name", "task_id", "task_name",
}

// tags are the values of all tags; "" is unknown.
type tags [numTags]string

// tagSource is a source of tags, best first. See the package documentation.
type tagSource int

const (
	byRuntime     tagSource = iota // the runtime's API or state files
	byLauncher                     // the launch API
	byPath                         // the path of the cgroup
	byEnvironment                  // the environment of the first process, where schedulersOf permits it
	byContainer                    // fallback: the container's own id and name
	numTagSources
)

// merge takes each tag from the best source that has a value for it, and returns that
// source too.
func merge(bySource *[numTagSources]tags) (all tags, by [numTags]tagSource) {
	for t := range numTags {
		for s := range numTagSources {
			if v := bySource[s][t]; v != "" {
				all[t], by[t] = v, s
				break
			}
		}
	}
	return all, by
}

// mesosTags derives tags from the variables, or labels, that Mesos and its frameworks
// set.
func mesosTags(vars map[string]string) (t tags) {
	if app := vars["MARATHON_APP_ID"]; app != "" {
		t[frameworkName], t[applicationName], t[taskName] = "marathon", app, marathonTask(app)
	} else if job := vars["CHRONOS_JOB_NAME"]; job != "" {
		t[frameworkName], t[applicationName] = "chronos", job
	}
	first(&t[frameworkName], vars["FRAMEWORK_NAME"])
	first(&t[taskName], vars["TASK_NAME"])
	t[frameworkID], t[executorID], t[taskID] = vars["MESOS_FRAMEWORK_ID"], vars["MESOS_EXECUTOR_ID"], vars["MESOS_TASK_ID"]
	first(&t[taskID], t[executorID]) // the executor of a command task has the task's id
	return t
}

// marathonTask returns the name that Marathon gives the tasks of an app: b.a for /a/b.
func marathonTask(app string) string {
	parts := strings.Split(strings.Trim(app, "/"), "/")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".")
}

// nomadTags derives tags from the variables, or labels, that Nomad sets.
func nomadTags(vars map[string]string) (t tags) {
	t = nomadTask(vars["NOMAD_ALLOC_ID"], vars["NOMAD_TASK_NAME"])
	t[frameworkID], t[applicationName] = vars["NOMAD_NAMESPACE"], vars["NOMAD_JOB_NAME"]
	return t
}

func nomadTask(alloc, task string) (t tags) {
	if alloc == "" {
		return t
	}
	t[frameworkName], t[executorID] = "nomad", alloc
	if task != "" {
		t[taskID], t[taskName] = alloc+"."+task, task
	}
	return t
}

// podTags returns the tags of a container in a pod.
func podTags(k pod) (t tags) {
	if k.uid != "" {
		t[frameworkName], t[frameworkID], t[executorID], t[taskName] = "kubernetes", k.namespace, k.uid, k.container
	}
	return t
}
