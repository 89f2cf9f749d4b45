package grant

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// MaxApproval is the longest time that an approval may be valid: as long as a request waits.
const MaxApproval = time.Hour

// Request is what another principal approves: all that a session is opened with. What differs in
// anything is another request.
type Request struct {
	Session   string            `json:"session"`
	Agent     string            `json:"agent"`
	Principal string            `json:"principal"` // who asks
	Container session.Container `json:"container,omitzero"`
	Command   session.Command   `json:"command"`
	Limits    session.Limits    `json:"limits,omitzero"`
	Rights    []session.Right   `json:"rights"`
	Arguments map[string]string `json:"arguments,omitempty"`
	Reason    string            `json:"reason,omitempty"` // why, in the asker's words
}

// Request returns what another principal has to approve of a grant that opens a session.
func (g *Grant) Request() *Request {
	r := &Request{Session: g.Session, Agent: g.Agent, Principal: g.Principal, Container: g.Container,
		Limits: g.Limits, Rights: g.Rights, Arguments: g.Arguments, Reason: g.Reason}
	if g.Command != nil {
		r.Command = *g.Command
	}
	return r
}

// Digest names a request: no other one has the same.
func (r *Request) Digest() (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("request for a session: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Approval says that somebody has approved a request of somebody else. The relay at which that was
// signs it, and nodes verify it as they do grants: a grant that has one opens what was approved,
// once, and nothing else.
type Approval struct {
	Version  int       `json:"v"` // set by Approve
	Relay    string    `json:"relay"`
	Nonce    string    `json:"nonce"`    // set by Approve
	Request  string    `json:"request"`  // set by Approve: its digest
	Deadline time.Time `json:"deadline"` // it is refused from then on

	Principal string    `json:"principal"` // who approves
	Groups    []string  `json:"groups,omitempty"`
	Method    string    `json:"method,omitempty"` // how they proved who they are
	From      string    `json:"from,omitempty"`   // address of their client
	Given     time.Time `json:"given"`            // set by Approve
}

// errSame is that the two persons are one.
var errSame = errors.New("nobody approves their own request")

// SamePerson reports whether two names are of one person. That names differ in nothing but their
// case is not taken for two persons.
func SamePerson(a, b string) bool { return strings.EqualFold(a, b) }

// Approve returns the signed approval of a request.
func (s *Signer) Approve(a Approval, r *Request) (string, error) {
	var err error
	if a.Request, err = r.Digest(); err != nil {
		return "", err
	}
	now := time.Now()
	a.Version, a.Relay, a.Nonce, a.Given = version, s.relay, session.NewID(), now.UTC()
	if err := a.check(r, now); err != nil {
		return "", fmt.Errorf("approval: %w", err)
	}
	return s.seal(approvalContext, &a)
}

// check returns an error unless an approval is one of a request at some time.
func (a *Approval) check(r *Request, now time.Time) error {
	digest, err := r.Digest()
	if err != nil {
		return err
	}
	for _, text := range []string{a.Relay, a.Nonce, a.Principal, a.Method, a.From} {
		if len(text) > maxText {
			return errors.New("a text is longer than 1024 bytes")
		}
	}
	switch {
	case a.Version != version:
		return fmt.Errorf("it has version %d, and this node knows version %d", a.Version, version)
	case a.Principal == "":
		return errors.New("it names nobody")
	case len(a.Groups) > maxGroups:
		return errors.New("it has too many groups")
	case !session.ValidID(a.Nonce):
		return errors.New("it has no valid nonce")
	case SamePerson(a.Principal, r.Principal):
		return errSame
	case a.Request != digest:
		return errors.New("it is of another request")
	case !now.Before(a.Deadline):
		return fmt.Errorf("it was valid until %v", a.Deadline.Format(time.RFC3339))
	case a.Deadline.Sub(now) > MaxApproval+MaxLife:
		return fmt.Errorf("it is valid until %v, which is too far away", a.Deadline.Format(time.RFC3339))
	}
	return nil
}

// ReadApproval returns an approval without verifying who has signed it, which nodes do, but that it
// is one of a request.
func ReadApproval(token string, r *Request) (*Approval, error) {
	a := new(Approval)
	if err := decode(token, a); err != nil {
		return nil, fmt.Errorf("approval: %w", err)
	}
	if err := a.check(r, time.Now()); err != nil {
		return nil, fmt.Errorf("approval: %w", err)
	}
	return a, nil
}

// openApproval verifies the approval that a grant has.
func openApproval(g *Grant, keys map[string]ed25519.PublicKey, now time.Time) (*Approval, error) {
	a := new(Approval)
	err := unseal(approvalContext, g.Approval, keys, a)
	if err == nil {
		err = a.check(g.Request(), now)
	}
	if err != nil {
		return nil, fmt.Errorf("the approval in it: %w", err)
	}
	return a, nil
}
