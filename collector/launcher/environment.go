package launcher

import (
	"fmt"
	"os"
	"strings"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
)

// environment returns env with what the task is told: its endpoint, its id, its
// name, and its origin tags, each under its name in capitals. The variables of
// Datadog's clients are only set where env has none of them.
func environment(env []string, r launch.Request, c launch.Container) []string {
	set := func(k, v string) { env = append(env, k+"="+v) }
	if c.StatsdPort != 0 {
		port := fmt.Sprint(c.StatsdPort)
		set("STATSD_UDP_HOST", c.StatsdHost)
		set("STATSD_UDP_PORT", port)
		if os.Getenv("DD_AGENT_HOST") == "" && os.Getenv("DD_DOGSTATSD_PORT") == "" {
			set("DD_AGENT_HOST", c.StatsdHost)
			set("DD_DOGSTATSD_PORT", port)
		}
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
