package setting

import (
	"fmt"
	"regexp"
)

// Names of clusters and ids of relays are parts of stream and consumer names in NATS,
// which must not contain a dot. Agent ids are also labels that other tools read.
var (
	agentID = regexp.MustCompile(`^[0-9a-zA-Z-]{1,128}$`)
	name    = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,64}$`)
)

// CheckAgentID returns an error that states the rule if id is not a valid agent id.
func CheckAgentID(id string) error {
	if !agentID.MatchString(id) {
		return fmt.Errorf("%q is not an agent id: use 1 to 128 letters, digits and dashes", id)
	}
	return nil
}

// CheckCluster returns an error that states the rule if s is not a valid cluster name.
func CheckCluster(s string) error {
	if !name.MatchString(s) {
		return fmt.Errorf("%q is not a cluster name: use 1 to 64 letters, digits, dashes and underscores", s)
	}
	return nil
}

// CheckRelayID returns an error that states the rule if id is not a valid relay id.
func CheckRelayID(id string) error {
	if !name.MatchString(id) {
		return fmt.Errorf("%q is not a relay id: use 1 to 64 letters, digits, dashes and underscores", id)
	}
	return nil
}
