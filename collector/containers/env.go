package containers

import (
	"bytes"
	"strings"
)

// maxEnv is how much of a process's environment is read, in bytes.
const maxEnv = 256 << 10

// envNames are the variables that name a container's task, and the labels with the same
// meaning.
var envNames = map[string]string{
	"MESOS_TASK_ID": "MESOS_TASK_ID", "MESOS_EXECUTOR_ID": "MESOS_EXECUTOR_ID", "MESOS_FRAMEWORK_ID": "MESOS_FRAMEWORK_ID",
	"MARATHON_APP_ID": "MARATHON_APP_ID", "CHRONOS_JOB_NAME": "CHRONOS_JOB_NAME",
	"mesosTaskId": "MESOS_TASK_ID", "mesos_task_id": "MESOS_TASK_ID",
	"TASK_NAME": "TASK_NAME", "FRAMEWORK_NAME": "FRAMEWORK_NAME",
	"NOMAD_ALLOC_ID": "NOMAD_ALLOC_ID", "com.hashicorp.nomad.alloc_id": "NOMAD_ALLOC_ID",
	"NOMAD_TASK_NAME": "NOMAD_TASK_NAME", "com.hashicorp.nomad.task_name": "NOMAD_TASK_NAME",
	"NOMAD_JOB_NAME": "NOMAD_JOB_NAME", "com.hashicorp.nomad.job_name": "NOMAD_JOB_NAME",
	"NOMAD_NAMESPACE": "NOMAD_NAMESPACE", "com.hashicorp.nomad.namespace": "NOMAD_NAMESPACE",
}

// maxEnvValue is the largest environment value that is used, in bytes.
const maxEnvValue = 1 << 10

// pickEnv returns the variables of envNames from a list of NAME=value strings.
func pickEnv(env []string) map[string]string {
	var m map[string]string
	for _, kv := range env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			continue
		}
		m = pick(m, k, v)
	}
	return m
}

// parseEnviron does what pickEnv does for the text of /proc/PID/environ, which is
// separated by NULs. The last variable may be cut.
func parseEnviron(b []byte) map[string]string {
	var m map[string]string
	for len(b) > 0 {
		kv := b
		if i := bytes.IndexByte(b, 0); i >= 0 {
			kv, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if k, v, ok := bytes.Cut(kv, []byte{'='}); ok && len(k) < 64 {
			m = pick(m, string(k), string(v))
		}
	}
	return m
}

func pick(m map[string]string, k, v string) map[string]string {
	name, ok := envNames[k]
	if !ok || v == "" || len(v) > maxEnvValue {
		return m
	}
	if m == nil {
		m = map[string]string{}
	}
	if _, ok := m[name]; !ok {
		m[name] = v
	}
	return m
}
