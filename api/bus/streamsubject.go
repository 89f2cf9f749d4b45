package bus

import "strings"

// ToNode is the subject of what a client sends to a node on a stream of
// requests (package rpc). A client and its stream are tokens; "*" is for all.
func ToNode(cluster, agent, client, stream string) string {
	return streamSubject(cluster, "up", agent, client, stream)
}

// ToClient is the subject of what a node sends to a client on a stream. It has
// the node's name in it, so that a node can only ever answer as itself.
func ToClient(cluster, agent, client, stream string) string {
	return streamSubject(cluster, "down", agent, client, stream)
}

func streamSubject(cluster, way, agent, client, stream string) string {
	if agent != "*" {
		agent = Token(agent)
	}
	return prefix + Token(cluster) + "." + way + "." + agent + "." + client + "." + stream
}

// ParseToClient takes a subject of ToClient apart; false if it is none of that
// agent.
func ParseToClient(subject, cluster, agent string) (client, stream string, ok bool) {
	rest, ok := strings.CutPrefix(subject, prefix+Token(cluster)+".down."+Token(agent)+".")
	if !ok {
		return "", "", false
	}
	client, stream, ok = strings.Cut(rest, ".")
	return client, stream, ok && isToken(client) && isToken(stream)
}

// DownToUp is the subject of the other direction of a stream.
func DownToUp(subject, cluster string) (string, bool) {
	return turn(subject, prefix+Token(cluster)+".down.", prefix+Token(cluster)+".up.")
}

// UpToDown is the subject of the other direction of a stream of an agent.
func UpToDown(subject, cluster, agent string) (string, bool) {
	a := Token(agent) + "."
	return turn(subject, prefix+Token(cluster)+".up."+a, prefix+Token(cluster)+".down."+a)
}

func turn(subject, from, to string) (string, bool) {
	rest, ok := strings.CutPrefix(subject, from)
	return to + rest, ok
}

// isToken reports whether s is letters and digits, as clients and streams are
// called.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}
