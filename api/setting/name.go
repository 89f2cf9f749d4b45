package setting

import (
	"fmt"
	"regexp"
)

// A cluster's and a relay's name are parts of names in NATS, which allow no dot.
// An agent's id is also a label that other tools read.
var (
	agentID = regexp.MustCompile(`^[0-9a-zA-Z-]{1,128}$`)
	name    = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,64}$`)
)

// CheckAgentID returns an error that states the rule if id cannot be an agent's.
func CheckAgentID(id string) error {
	if !agentID.MatchString(id) {
		return fmt.Errorf("%q is not an agent id: use 1 to 128 letters, digits and dashes", id)
	}
	return nil
}

// CheckCluster returns an error that states the rule if s cannot be a cluster's
// name.
func CheckCluster(s string) error {
	if !name.MatchString(s) {
		return fmt.Errorf("%q is not a cluster name: use 1 to 64 letters, digits, dashes and underscores", s)
	}
	return nil
}

// CheckRelayID returns an error that states the rule if id cannot be a relay's.
func CheckRelayID(id string) error {
	if !name.MatchString(id) {
		return fmt.Errorf("%q is not a relay id: use 1 to 64 letters, digits, dashes and underscores", id)
	}
	return nil
}
