package verbs

import (
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/api/auth/policy"
)

// Caller is what a node requires of who asks.
type Caller uint8

const (
	unlisted Caller = iota
	// Relay is whoever NATS lets publish to the requests of a node. The credentials of a
	// cluster (bus/credentials) let only relays do that: no node, nobody without a credential.
	// A node knows nothing of the person behind a request.
	Relay
)

// String returns the word for a caller.
func (c Caller) String() string { return [...]string{"nobody", "a relay"}[c] }

// Need is what a request requires.
type Need struct {
	Caller Caller
	// Resource and Action are what the person for whom a relay asks must be allowed, which
	// the relay decides before it asks.
	Resource policy.Resource
	Action   policy.Action
	// Scoped means that the request says what that person may see, and that the node leaves
	// out everything else.
	Scoped bool
}

// table has all verbs of nodes.
var table = map[string]Need{
	"logs":      {Relay, policy.SystemLogs, policy.Read, true},
	"logs-list": {Relay, policy.SystemLogs, policy.Read, true},
	// What may be done with sessions is in the grant that each request carries: a relay signs
	// it, and the node verifies it. Being allowed to send the request opens nothing.
	"session-open":   {Relay, policy.NestedSession, policy.Create, false},
	"session-attach": {Relay, policy.Container, policy.Read, false},
	"session-list":   {Relay, policy.Sessions, policy.Read, false},
	"session-kill":   {Relay, policy.Sessions, policy.Delete, false},
}

// All returns all verbs, sorted.
func All() []string {
	var all []string
	for v := range table {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// Of returns what a verb requires. It returns an error for one that is not in the table.
func Of(verb string) (Need, error) {
	n := table[verb]
	if n.Caller == unlisted {
		return n, fmt.Errorf("the request %q is not in the table of what requests to nodes require", verb)
	}
	return n, nil
}
