package bus

// InboxPrefix returns the prefix of an agent's inboxes. Each agent has its own,
// so that no credential can listen to the replies of another.
func InboxPrefix(agent string) string { return "_INBOX_" + Token(agent) }

// NodeSubjects returns the subjects that a node's credential must allow: it
// publishes frames and logs as itself, and receives the requests made to it and
// the replies to its own. The shard is a wildcard, so that the number of shards
// can change without new credentials.
func NodeSubjects(cluster, agent string) (publish, subscribe []string) {
	a, c := Token(agent), Token(cluster)
	publish = []string{prefix + c + ".frames.*." + a, prefix + c + ".logs.*." + a, prefix + c + ".down." + a + ".>"}
	return publish, []string{prefix + c + ".rpc." + a + ".>", prefix + c + ".up." + a + ".>", InboxPrefix(agent) + ".>"}
}
