package statsd

import (
	"net/http"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// Labels returns the row labels of a container that a launcher registered, sorted by
// name. Origin tags of the launcher have their own names. Any other key becomes
// label.<key>, as a runtime's labels do.
func Labels(id, name string, labels map[string]string) []frame.Label {
	var ls []frame.Label
	add := func(name, value string) {
		if value != "" && !slices.ContainsFunc(ls, func(l frame.Label) bool { return l.Name == name }) {
			ls = append(ls, frame.Label{Name: name, Value: value})
		}
	}
	add("container_id", id)
	add("name", name)
	for k, v := range labels {
		switch {
		case k == "container_id" || k == "agent_id" || k == "name": // a container must not claim to be another
		case metric.IsOriginTag(k):
			add(k, v)
		default:
			add(metric.RuntimeLabel+k, v)
		}
	}
	add("task_name", name)
	slices.SortFunc(ls, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return ls
}

// Launched are the containers that have an endpoint.
func (s *Server) Launched() []launch.Container { return s.table.Endpoints() }

// Gen changes whenever the result of Launched changes.
func (s *Server) Gen() uint64 { return s.gen.Load() }

// counting counts the completed requests that may change endpoints.
func (s *Server) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			defer s.gen.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

// Containers passes the current containers of the node to the server.
func (s *Server) Containers(list []origin.Container) { s.table.Containers(list) }
