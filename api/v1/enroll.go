package v1

import "time"

// EnrollRequest is what a machine sends to become a node, with the key that it made.
type EnrollRequest struct {
	Code      string `json:"code"` // the secret of an enrolment code
	AgentID   string `json:"agent_id"`
	Key       string `json:"key"`       // public NKey of a NATS user
	Signature []byte `json:"signature"` // by that key, which shows that the sender has it
}

// Enrolled is the answer to an EnrollRequest: with it and its key the node has all that it
// needs.
type Enrolled struct {
	Cluster string   `json:"cluster"`
	AgentID string   `json:"agent_id"`
	JWT     string   `json:"jwt"`     // claims of the node's NATS user
	CA      string   `json:"ca"`      // the authority of the NATS servers' certificates, in PEM
	Servers []string `json:"servers"` // URLs of NATS servers; without a host, the relay's
}

// EnrollCodesRequest asks for enrolment codes.
type EnrollCodesRequest struct {
	Count   int     `json:"count"`
	AgentID string  `json:"agent_id,omitempty"` // the only node that may use them; "" for any
	Expires float64 `json:"expires"`            // seconds from now
}

// EnrollCodes are enrolment codes, each for one node.
type EnrollCodes struct {
	Codes   []string  `json:"codes"`
	AgentID string    `json:"agent_id,omitempty"`
	Expires time.Time `json:"expires"`
}

// EnrolledNode is a credential of a node.
type EnrolledNode struct {
	AgentID string     `json:"agent_id"`
	Key     string     `json:"key"` // public NKey of its NATS user
	Issued  time.Time  `json:"issued"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
}

// EnrolledNodes are all credentials of nodes.
type EnrolledNodes struct {
	Nodes []EnrolledNode `json:"nodes"`
}

// NodeRevoked is the answer to the revocation of a node.
type NodeRevoked struct {
	AgentID string `json:"agent_id"`
	Revoked int    `json:"revoked"` // credentials that were valid until now
	Servers int    `json:"servers"` // NATS servers that have ended its connections
}
