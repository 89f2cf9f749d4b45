package embedded

import (
	"github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/bus"
)

// NodePermissions returns the permissions of one node's credential: those of
// bus.NodeSubjects, and to reply to the requests that it receives (bus.NodeReplies).
func NodePermissions(cluster, agent string) *server.Permissions {
	publish, subscribe := bus.NodeSubjects(cluster, agent)
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: subscribe},
		Response:  &server.ResponsePermission{MaxMsgs: bus.NodeReplies, Expires: bus.NodeReplyTime},
	}
}
