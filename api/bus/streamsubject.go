package bus

import "strings"

// ToNode returns the subject on which a client sends messages of a stream (package rpc)
// to a node. agent, client and stream may be "*".
func ToNode(cluster, agent, client, stream string) string {
	return streamSubject(cluster, "up", agent, client, stream)
}

// ToClient returns the subject on which a node sends messages of a stream to a client.
// The subject contains the agent, so that a node's credential allows it to answer only as
// itself.
func ToClient(cluster, agent, client, stream string) string {
	return streamSubject(cluster, "down", agent, client, stream)
}

func streamSubject(cluster, direction, agent, client, stream string) string {
	if agent != "*" {
		agent = Token(agent)
	}
	return prefix + Token(cluster) + "." + direction + "." + agent + "." + client + "." + stream
}

// ParseToClient returns the client and the stream of a subject of ToClient. It returns
// false if the subject is not one of that cluster and agent.
func ParseToClient(subject, cluster, agent string) (client, stream string, ok bool) {
	rest, ok := strings.CutPrefix(subject, prefix+Token(cluster)+".down."+Token(agent)+".")
	if !ok {
		return "", "", false
	}
	client, stream, ok = strings.Cut(rest, ".")
	return client, stream, ok && isToken(client) && isToken(stream)
}

// DownToUp returns the ToNode subject of the same stream as a ToClient subject. It returns
// false if subject is not a ToClient subject of that cluster.
func DownToUp(subject, cluster string) (string, bool) {
	return replacePrefix(subject, prefix+Token(cluster)+".down.", prefix+Token(cluster)+".up.")
}

// UpToDown returns the ToClient subject of the same stream as a ToNode subject. It returns
// false if subject is not a ToNode subject of that cluster and agent.
func UpToDown(subject, cluster, agent string) (string, bool) {
	a := Token(agent) + "."
	return replacePrefix(subject, prefix+Token(cluster)+".up."+a, prefix+Token(cluster)+".down."+a)
}

func replacePrefix(subject, from, to string) (string, bool) {
	rest, ok := strings.CutPrefix(subject, from)
	return to + rest, ok
}

// isToken reports whether s has 1 to 64 lower-case letters and digits, as the names of
// clients and streams do.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}
