package bus

import (
	"strconv"
	"strings"
)

const (
	prefix    = "daytwo.v1."
	hexDigits = "0123456789ABCDEF"
)

// Token encodes a string as one token of a NATS subject. Letters, digits, "-" and "_" are
// unchanged, every other byte becomes "=" and two hex digits, and the empty string
// becomes "=". ParseToken is its inverse.
func Token(s string) string {
	if s == "" {
		return "="
	}
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// ParseToken returns the string that Token encodes as t. It returns false if t is not a
// result of Token.
func ParseToken(t string) (string, bool) {
	if t == "=" {
		return "", true
	}
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		c := t[i]
		if c == '=' {
			if i+2 >= len(t) {
				return "", false
			}
			hi, lo := strings.IndexByte(hexDigits, t[i+1]), strings.IndexByte(hexDigits, t[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			c = byte(hi<<4 | lo)
			if plain(c) {
				return "", false
			}
			i += 2
		} else if !plain(c) {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), t != ""
}

// plain reports whether Token leaves a byte unchanged.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// Shard returns the shard of an agent: FNV-1a of its id modulo shards.
func Shard(agent string, shards int) int {
	if shards <= 1 {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(agent) {
		h = (h ^ uint64(agent[i])) * 1099511628211
	}
	return int(h % uint64(shards))
}

// Frames returns the subject on which an agent publishes its frames.
func Frames(cluster, agent string, shards int) string {
	return prefix + Token(cluster) + ".frames." + strconv.Itoa(Shard(agent, shards)) + "." + Token(agent)
}

// Logs returns the subject on which an agent publishes its logs.
func Logs(cluster, agent string, shards int) string {
	return prefix + Token(cluster) + ".logs." + strconv.Itoa(Shard(agent, shards)) + "." + Token(agent)
}

// RPC returns the subject of a request to an agent. verb may be "*" or ">".
func RPC(cluster, agent, verb string) string {
	if verb != "*" && verb != ">" {
		verb = Token(verb)
	}
	return prefix + Token(cluster) + ".rpc." + Token(agent) + "." + verb
}

// AllFrames returns a wildcard for the subjects of all agents' frames.
func AllFrames(cluster string) string { return prefix + Token(cluster) + ".frames.>" }

// AllLogs returns a wildcard for the subjects of all agents' logs.
func AllLogs(cluster string) string { return prefix + Token(cluster) + ".logs.>" }

// FramesAgent returns the agent of a subject of Frames. It returns false for any other
// subject.
func FramesAgent(subject string) (agent string, ok bool) { return agentOf(subject, "frames") }

// LogsAgent returns the agent of a subject of Logs. It returns false for any other
// subject.
func LogsAgent(subject string) (agent string, ok bool) { return agentOf(subject, "logs") }

func agentOf(subject, kind string) (agent string, ok bool) {
	t := strings.Split(subject, ".")
	if len(t) != 6 || t[0] != "daytwo" || t[1] != "v1" || t[3] != kind {
		return "", false
	}
	return ParseToken(t[5])
}

// FramesStream returns the name of the JetStream stream of a cluster's frames.
func FramesStream(cluster string) string { return "daytwo_" + Token(cluster) + "_frames" }

// LogsStream returns the name of the JetStream stream of a cluster's shipped logs.
func LogsStream(cluster string) string { return "daytwo_" + Token(cluster) + "_logs" }
