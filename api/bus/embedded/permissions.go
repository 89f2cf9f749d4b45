package embedded

import (
	"github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/bus"
)

// NodePermissions returns what the credential of one node may do
// (bus.NodeSubjects), and lets it answer the requests that it receives.
func NodePermissions(cluster, agent string) *server.Permissions {
	publish, subscribe := bus.NodeSubjects(cluster, agent)
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: subscribe},
		// A stream of replies may have any length and last any time.
		Response: &server.ResponsePermission{MaxMsgs: -1, Expires: -1},
	}
}
