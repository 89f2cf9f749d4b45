package bus

// InboxPrefix returns the prefix of an agent's inbox subjects. Each agent has its own, so
// that no agent's credential can receive the replies to another's requests.
func InboxPrefix(agent string) string { return "_INBOX_" + Token(agent) }

// NodeSubjects returns the subjects that a node's credential must allow: to publish
// frames, logs and streams as itself, and to receive the requests and streams sent to it
// and the replies to its own requests. The shard is a wildcard, so that the number of
// shards can change without new credentials.
func NodeSubjects(cluster, agent string) (publish, subscribe []string) {
	a, c := Token(agent), Token(cluster)
	publish = []string{prefix + c + ".frames.*." + a, prefix + c + ".logs.*." + a, prefix + c + ".down." + a + ".>"}
	return publish, []string{prefix + c + ".rpc." + a + ".>", prefix + c + ".up." + a + ".>", InboxPrefix(agent) + ".>"}
}
