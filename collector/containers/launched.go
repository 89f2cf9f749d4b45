package containers

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
)

// Launched returns a copy of the identity with what a launcher reported of the container
// through the launch API. These values rank above the cgroup's path and the environment,
// and below the container's runtime. name and labels are the launcher's. If no runtime
// knows the cgroup as a container, the copy is a container with the given containerID
// and the runtime "daytwo".
func (id *Identity) Launched(containerID, name string, labels []frame.Label) *Identity {
	if id == nil {
		id = &Identity{}
	}
	out := *id
	if id.ContainerID == "" {
		out.ContainerID, out.Name, out.Runtime = containerID, name, "daytwo"
	} else if id.weakName {
		first(&name, id.Name)
		out.Name = name
	}
	known := make(map[string]string, len(id.Labels)+len(labels)+3)
	for _, l := range id.Labels {
		known[l.Name] = l.Value
	}
	for _, l := range labels {
		t := slices.Index(tagNames[:], l.Name)
		if _, ok := known[l.Name]; !ok || t >= 0 && id.weakTags[t] {
			known[l.Name] = l.Value
		}
	}
	known["container_id"], known["name"], known["runtime"] = out.ContainerID, out.Name, out.Runtime
	out.Labels = make([]frame.Label, 0, len(known))
	for name, value := range known {
		if value != "" {
			out.Labels = append(out.Labels, frame.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(out.Labels, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return &out
}
