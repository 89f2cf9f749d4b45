package bus

import "time"

// A node may reply to the sender of a request so many times, within so long. What it streams
// goes to subjects of its own (ToClient), and is not limited by them.
const (
	NodeReplies   = 1
	NodeReplyTime = 10 * time.Second
)

// InboxPrefix returns the prefix of an agent's inbox subjects. Each agent has its own, so
// that no agent's credential can receive the replies to another's requests.
func InboxPrefix(agent string) string { return "_INBOX_" + Token(agent) }

// NodeSubjects returns the subjects that a node's credential must allow: to publish
// frames, logs, streams and renewals of its credential as itself, and to receive the requests
// and streams sent to it and the replies to its own requests. The shard is a wildcard, so that
// the number of shards can change without new credentials.
func NodeSubjects(cluster, agent string) (publish, subscribe []string) {
	a, c := Token(agent), Token(cluster)
	publish = []string{prefix + c + ".frames.*." + a, prefix + c + ".logs.*." + a, prefix + c + ".down." + a + ".>",
		Renew(cluster, agent)}
	return publish, []string{prefix + c + ".rpc." + a + ".>", prefix + c + ".up." + a + ".>", InboxPrefix(agent) + ".>"}
}

// Renew returns the subject on which an agent asks for a new credential in place of its own.
func Renew(cluster, agent string) string { return prefix + Token(cluster) + ".renew." + Token(agent) }

// AllRenew returns a wildcard for the subjects of all agents' renewals.
func AllRenew(cluster string) string { return prefix + Token(cluster) + ".renew.*" }
