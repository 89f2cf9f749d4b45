package containers

import (
	"strings"
)

// origin adds the origin tags by the table in doc.go.
func origin(b *builder, id *Identity, p place, k pod, env map[string]string, recs []*record) {
	alloc, task := env["NOMAD_ALLOC_ID"], env["NOMAD_TASK_NAME"]
	if alloc == "" && p.id != "" {
		alloc, task = p.alloc, p.task
	}
	switch {
	case env["MESOS_TASK_ID"] != "" || env["MESOS_EXECUTOR_ID"] != "" || env["MESOS_FRAMEWORK_ID"] != "" || env["MARATHON_APP_ID"] != "":
		app := env["MARATHON_APP_ID"]
		switch {
		case app != "":
			b.add("framework_name", "marathon")
			b.add("application_name", app)
			b.add("task_name", marathonTask(app))
		case env["CHRONOS_JOB_NAME"] != "":
			b.add("framework_name", "chronos")
			b.add("application_name", env["CHRONOS_JOB_NAME"])
		}
		b.add("framework_name", env["FRAMEWORK_NAME"])
		b.add("task_name", env["TASK_NAME"])
		b.add("framework_id", env["MESOS_FRAMEWORK_ID"])
		b.add("executor_id", env["MESOS_EXECUTOR_ID"])
		b.add("task_id", env["MESOS_TASK_ID"])
		b.add("task_id", env["MESOS_EXECUTOR_ID"]) // a command task's executor has the id of the task
	case alloc != "":
		b.add("framework_name", "nomad")
		b.add("framework_id", env["NOMAD_NAMESPACE"])
		b.add("executor_id", alloc)
		b.add("application_name", env["NOMAD_JOB_NAME"])
		if task != "" {
			b.add("task_id", alloc+"."+task)
			b.add("task_name", task)
		}
	case k.uid != "":
		b.add("framework_name", "kubernetes")
		b.add("framework_id", k.namespace)
		b.add("executor_id", k.uid)
		b.add("application_name", label(recs, "app.kubernetes.io/name", "k8s-app", "app"))
		b.add("task_name", k.container)
	default:
		b.add("application_name", label(recs, "com.docker.compose.project", "com.docker.stack.namespace"))
	}
	b.add("task_id", id.ContainerID)
	b.add("task_name", id.Name)
}

// marathonTask is the name that Marathon gives the tasks of an app: /a/b is b.a.
func marathonTask(app string) string {
	parts := strings.Split(strings.Trim(app, "/"), "/")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".")
}

func label(recs []*record, keys ...string) string {
	for _, k := range keys {
		for _, r := range recs {
			if v := r.labels[k]; v != "" {
				return v
			}
		}
	}
	return ""
}
