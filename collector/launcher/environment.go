package launcher

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
)

// secrets are prefixes of the names of variables that hold daytwo's own credentials, or
// the paths of files with them. Tasks do not inherit these variables.
var secrets = []string{"DAYTWO_TOKEN", "DAYTWO_NATS"}

// inherited returns the variables of env that a task inherits.
func inherited(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		return slices.ContainsFunc(secrets, func(s string) bool { return strings.HasPrefix(v, s) })
	})
}

// environment returns the environment of a task: the variables that it inherits from
// env, and those of its user, StatsD endpoint, id, name, and origin tags. The variable
// of an origin tag has the tag's name in capitals. The variables of Datadog's clients
// are set only if env has neither of them.
func environment(env []string, r launch.Request, c launch.Container, a account) []string {
	has := func(name string) bool {
		return slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") && len(v) > len(name)+1 })
	}
	env = inherited(env)
	set := func(name, value string) { env = append(env, name+"="+value) }
	if a.home != "" { // the task runs as another user
		env = slices.DeleteFunc(env, func(v string) bool {
			return strings.HasPrefix(v, "USER=") || strings.HasPrefix(v, "LOGNAME=")
		})
		set("HOME", a.home)
		if a.name != "" {
			set("USER", a.name)
			set("LOGNAME", a.name)
		}
	}
	if c.StatsdPort != 0 {
		port := strconv.Itoa(int(c.StatsdPort))
		if !has("DD_AGENT_HOST") && !has("DD_DOGSTATSD_PORT") {
			set("DD_AGENT_HOST", c.StatsdHost)
			set("DD_DOGSTATSD_PORT", port)
		}
		set("STATSD_UDP_HOST", c.StatsdHost)
		set("STATSD_UDP_PORT", port)
	}
	set("CONTAINER_ID", r.ContainerID)
	set("TASK_NAME", r.Name)
	for _, tag := range metric.OriginTags {
		if v, ok := r.Labels[tag]; ok {
			set(strings.ToUpper(tag), v)
		}
	}
	return env
}
