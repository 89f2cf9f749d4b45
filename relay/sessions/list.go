package sessions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

const (
	listTimeout = 5 * time.Second
	listAtOnce  = 64 // nodes that are asked at the same time
)

// List implements broker.Sessions. Everybody sees the own ones.
func (b *Broker) List(ctx context.Context, a *broker.Asker) (all []sessionrpc.Info, missing []broker.Missing,
	err error) {
	var agents []string
	for _, agent := range b.o.Fleet.Agents() {
		if !agent.Stale {
			agents = append(agents, agent.ID)
		}
	}
	found, missing := b.ask(ctx, a, agents, session.List)
	for _, info := range found {
		if b.sees(a, &info, session.List) {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(x, y sessionrpc.Info) int {
		return cmp.Or(cmp.Compare(x.Agent, y.Agent), x.Begun.Compare(y.Begun), cmp.Compare(x.Session, y.Session))
	})
	return all, missing, nil
}

// ask asks nodes for the sessions to which an asker may have one of some rights, and returns
// which of them have not told theirs. A node where sessions are off has none.
func (b *Broker) ask(ctx context.Context, a *broker.Asker, agents []string, rights ...session.Right) (
	all []sessionrpc.Info, missing []broker.Missing) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, listAtOnce)
	for _, agent := range agents {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			infos, err := b.askOne(ctx, a, agent, rights)
			mu.Lock()
			defer mu.Unlock()
			switch code := rpc.CodeOf(err); {
			case err == nil:
				for _, i := range infos {
					i.Agent = agent // whatever the node calls itself
					all = append(all, i)
				}
			case code == rpc.NotFound || code == rpc.Invalid:
			default:
				b.o.Log.Debug("a node did not tell its sessions", "agent", agent, "err", err)
				missing = append(missing, broker.Missing{Agent: agent, Reason: reason(err)})
			}
		})
	}
	work.Wait()
	slices.SortFunc(missing, func(x, y broker.Missing) int { return cmp.Compare(x.Agent, y.Agent) })
	return all, missing
}

// reason says why a node did not tell its sessions.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", listTimeout)
	}
	return err.Error()
}

func (b *Broker) askOne(ctx context.Context, a *broker.Asker, agent string, rights []session.Right) (
	[]sessionrpc.Info, error) {
	g := b.grant(a, agent)
	g.Rights = rights
	token, err := b.o.Signer.Sign(g, grantLife)
	if err != nil {
		return nil, err
	}
	return sessionrpc.List(ctx, b.o.Nodes, agent, token)
}

// sessionOf finds a session of which an asker may know: an own one, or one that may be listed,
// or one to which the asker has the right.
func (b *Broker) sessionOf(ctx context.Context, a *broker.Asker, agent, id string, right session.Right) (
	*sessionrpc.Info, error) {
	if !session.ValidID(id) {
		return nil, &badRequest{errSessionID}
	}
	var agents []string
	for _, known := range b.o.Fleet.Agents() {
		if agent == "" && !known.Stale || known.ID == agent {
			agents = append(agents, known.ID)
		}
	}
	found, missing := b.ask(ctx, a, agents, session.List, right)
	for _, info := range found {
		if info.Session == id && (b.sees(a, &info, session.List) || b.sees(a, &info, right)) {
			return &info, nil
		}
	}
	if len(missing) > 0 && len(missing) == len(agents) {
		return nil, rpc.Errorf(rpc.Unavailable, "no node answers that may have the session: %s: %s", missing[0].Agent,
			missing[0].Reason)
	}
	return nil, broker.ErrNotFound
}

// sees reports whether a session is the asker's own, or whether the asker has a right to it.
func (b *Broker) sees(a *broker.Asker, info *sessionrpc.Info, right session.Right) bool {
	if own(a, info) {
		return true
	}
	tags := tagsOf(info)
	return decide(a, right, &tags).Allowed
}

// own reports whether the asker has opened the session.
func own(a *broker.Asker, info *sessionrpc.Info) bool { return info.Principal == a.Principal.Name() }

// commandOf returns the command of a session, an empty one if the node did not say it.
func commandOf(info *sessionrpc.Info) *session.Command {
	if info.Command == nil {
		return new(session.Command)
	}
	return info.Command
}

// tagsOf returns what the policy decides about: what is known of the container's origin.
func tagsOf(info *sessionrpc.Info) policy.Tags {
	return originTags(info.Agent, info.Tags, commandOf(info))
}

// originTags returns what the policy decides about, of a command in a container with some origin
// tags.
func originTags(agent string, origin map[string]string, c *session.Command) policy.Tags {
	tags := policy.Tags{Agent: agent, User: c.User, Command: access.Text(c), Path: c.Path()}
	for name, value := range origin {
		if name != "agent_id" {
			tags.Labels = append(tags.Labels, frame.Label{Name: name, Value: value})
		}
	}
	return tags
}
