package grant

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// MaxLife is the longest time from now to the deadline of a grant. Only opening has to happen
// before it: a session lasts as long as its Limits allow.
const MaxLife = 5 * time.Minute

// version of the document. A field that a node does not know is an error there, as it may be
// a limit that has to hold.
const version = 1

// Limits of a grant.
const (
	MaxToken  = 512 << 10 // bytes of a signed grant
	maxText   = 1024      // bytes of each text
	maxGroups = 1024
	maxTags   = 64
)

// Grant allows one thing once: to open the session that it names, to attach to it, to end it,
// or to list the sessions of a node.
type Grant struct {
	Version  int       `json:"v"` // set by Sign
	Relay    string    `json:"relay"`
	Agent    string    `json:"agent"`    // the node that it is for
	Nonce    string    `json:"nonce"`    // set by Sign
	Deadline time.Time `json:"deadline"` // it is refused from then on

	Principal string   `json:"principal"` // who asked
	Groups    []string `json:"groups,omitempty"`
	Method    string   `json:"method,omitempty"` // how they proved who they are
	From      string   `json:"from,omitempty"`   // address of their client
	Rule      string   `json:"rule,omitempty"`   // which rule of the policy allows it

	Rights    []session.Right   `json:"rights"`
	Session   string            `json:"session,omitempty"`   // its id (session.NewID); "" to list
	Container session.Container `json:"container,omitzero"`  // of a session to open in a container
	Command   *session.Command  `json:"command,omitempty"`   // of a session to open
	Limits    session.Limits    `json:"limits,omitzero"`     // of a session to open
	Tags      map[string]string `json:"tags,omitempty"`      // origin tags of the container, for the audit log
	Recorded  bool              `json:"recorded,omitempty"`  // a recording is made, which people in the session are told
	Input     bool              `json:"input,omitempty"`     // the recording has input, too
	Tell      bool              `json:"tell,omitempty"`      // people in the session are told of who watches it
	Arguments map[string]string `json:"arguments,omitempty"` // of what is no command: a path to copy, a port
	Reason    string            `json:"reason,omitempty"`    // why, in the asker's words
	Approval  string            `json:"approval,omitempty"`  // that of another principal, signed by a relay (Approve)

	approver *Approval // Approval, verified
}

// Has reports whether the grant has a right.
func (g *Grant) Has(r session.Right) bool { return slices.Contains(g.Rights, r) }

// Approver returns who has approved what the grant opens, nil if nobody has. It is known of a grant
// that Verify has returned.
func (g *Grant) Approver() *Approval { return g.approver }

// check returns an error for a grant that no relay makes.
func (g *Grant) check() error {
	for _, text := range []string{g.Relay, g.Agent, g.Nonce, g.Principal, g.Method, g.From, g.Rule, g.Container.ID,
		g.Reason} {
		if len(text) > maxText {
			return errors.New("a text is longer than 1024 bytes")
		}
	}
	switch {
	case g.Version != version:
		return fmt.Errorf("it has version %d, and this node knows version %d", g.Version, version)
	case g.Agent == "":
		return errors.New("it names no node")
	case g.Principal == "":
		return errors.New("it names nobody")
	case !session.ValidID(g.Nonce):
		return errors.New("it has no valid nonce")
	case g.Deadline.IsZero():
		return errors.New("it has no deadline")
	case len(g.Rights) == 0:
		return errors.New("it has no rights")
	case len(g.Groups) > maxGroups || len(g.Tags) > maxTags || len(g.Arguments) > maxTags:
		return errors.New("it has too many groups, tags or arguments")
	case g.Session != "" && !session.ValidID(g.Session):
		return errors.New("its session is not a session's id")
	case g.Limits.Idle < 0 || g.Limits.Total < 0 || g.Limits.Detached < 0:
		return errors.New("it has a negative limit")
	}
	for _, r := range g.Rights {
		if !r.Known() {
			return fmt.Errorf("it has the right %q, which this version does not know", r)
		}
	}
	if g.Command == nil {
		return nil
	}
	return g.checkCommand()
}

// checkCommand checks that the rights cover the command.
func (g *Grant) checkCommand() error {
	c := g.Command
	if err := c.Check(); err != nil {
		return err
	}
	onNode := g.Has(session.Node)
	switch {
	case g.Session == "":
		return errors.New("it opens a session and does not name it")
	case !onNode && g.Container.ID == "":
		return errors.New("it names no container")
	case onNode && g.Container.ID != "":
		return errors.New("it names a container, and is for the node itself")
	case !onNode && g.Container.Started == 0:
		return errors.New("it does not say when the container was started")
	case onNode && c.Tool != "":
		return errors.New("it has a tool, which runs in containers, and is for the node itself")
	case onNode && c.Privileged:
		return errors.New("it is privileged, and for the node itself, where there is nothing to add")
	case onNode:
		return nil
	}
	for _, right := range c.Rights() {
		if !g.Has(right) {
			return fmt.Errorf("its command needs the right %q, which it has not", right)
		}
	}
	return nil
}
