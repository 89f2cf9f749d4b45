package containers

import "strings"

// tag is an origin tag that says what a container is to its scheduler.
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

var tagNames = [numTags]string{"framework_name", "framework_id", "executor_id", "application_name", "task_id", "task_name"}

// tags are the values of all tags, "" for one that is not known.
type tags [numTags]string

// speaker is who says what a container's tags are, best first. Package doc says why.
type speaker int

const (
	byRuntime     speaker = iota // its API or its state files
	byLauncher                   // the launch API: whoever started the container through this collector
	byPath                       // of the cgroup
	byEnvironment                // of the first process, where it may speak at all (schedulers)
	byContainer                  // nobody: the container's own id and name
	numSpeakers
)

// merge takes each tag from the best speaker that has a value for it, and returns
// who that was.
func merge(said *[numSpeakers]tags) (all tags, by [numTags]speaker) {
	for t := range numTags {
		for s := range numSpeakers {
			if v := said[s][t]; v != "" {
				all[t], by[t] = v, s
				break
			}
		}
	}
	return all, by
}

// mesosTags reads the variables, or labels, that Mesos and its frameworks give.
func mesosTags(vars map[string]string) (t tags) {
	if app := vars["MARATHON_APP_ID"]; app != "" {
		t[frameworkName], t[applicationName], t[taskName] = "marathon", app, marathonTask(app)
	} else if job := vars["CHRONOS_JOB_NAME"]; job != "" {
		t[frameworkName], t[applicationName] = "chronos", job
	}
	first(&t[frameworkName], vars["FRAMEWORK_NAME"])
	first(&t[taskName], vars["TASK_NAME"])
	t[frameworkID], t[executorID], t[taskID] = vars["MESOS_FRAMEWORK_ID"], vars["MESOS_EXECUTOR_ID"], vars["MESOS_TASK_ID"]
	first(&t[taskID], t[executorID]) // a command task's executor has the id of the task
	return t
}

// marathonTask is the name that Marathon gives the tasks of an app: /a/b is b.a.
func marathonTask(app string) string {
	parts := strings.Split(strings.Trim(app, "/"), "/")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".")
}

// nomadTags reads the variables, or labels, that Nomad gives.
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

// podTags are those of a pod's container.
func podTags(k pod) (t tags) {
	if k.uid != "" {
		t[frameworkName], t[frameworkID], t[executorID], t[taskName] = "kubernetes", k.namespace, k.uid, k.container
	}
	return t
}
