package embedded

import (
	"github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/bus"
)

// NodePermissions returns the permissions of one node's credential: those of
// bus.NodeSubjects, and to reply to the requests that it receives.
func NodePermissions(cluster, agent string) *server.Permissions {
	publish, subscribe := bus.NodeSubjects(cluster, agent)
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: subscribe},
		// A request may have any number of replies, over any time.
		Response: &server.ResponsePermission{MaxMsgs: -1, Expires: -1},
	}
}
