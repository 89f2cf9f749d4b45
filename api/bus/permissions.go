package bus

import "github.com/nats-io/nats-server/v2/server"

// InboxPrefix is where the replies to an agent go. Each agent has its own, so
// that no credential can listen to the replies of another.
func InboxPrefix(agent string) string { return "_INBOX_" + Token(agent) }

// NodePermissions is what the credential of one node may do: publish frames
// and logs as itself, hear the requests made to it, and answer those. Shards
// are left open, so that their number can change without new credentials.
func NodePermissions(cluster, agent string) *server.Permissions {
	a, c := Token(agent), Token(cluster)
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			prefix + c + ".frames.*." + a,
			prefix + c + ".logs.*." + a,
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{
			prefix + c + ".rpc." + a + ".>",
			InboxPrefix(agent) + ".>",
		}},
		// A stream answers many times, for as long as it is open.
		Response: &server.ResponsePermission{MaxMsgs: -1, Expires: -1},
	}
}
