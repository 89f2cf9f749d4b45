package collector

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/collector/sessions"
)

// Sessions configures the sessions in containers of this node.
type Sessions struct {
	// KeysFile has the public keys of relays that may open sessions; default that of a relay
	// with the same data directory. Without the file there are no sessions.
	KeysFile string
	// NodeExec lets relays run commands on the node itself, outside of all containers.
	NodeExec bool
	// PolicyFile is this node's own policy, which narrows what relays allow; "" for none.
	PolicyFile string
}

// sessionAuditDir is the directory, in the data directory, of the node's own audit log.
const sessionAuditDir = "node-audit"

func (c *Config) sessionOptions() sessions.Options {
	file := c.Sessions.KeysFile
	if file == "" {
		file = filepath.Join(c.DataDir, setting.SessionKey+grant.PublicSuffix)
	}
	return sessions.Options{Agent: c.AgentID, Dir: filepath.Join(c.DataDir, "sessions"), KeysFile: file,
		KeysNeeded: c.Sessions.KeysFile != "", NodeExec: c.Sessions.NodeExec, PolicyFile: c.Sessions.PolicyFile,
		Log: c.Log.With("component", "sessions")}
}

// openSessions prepares the sessions of this node, and takes up those of the collector before.
// That it cannot is logged, and said to those who ask.
func (n *Node) openSessions() {
	if n.cfg.NoPublish { // nobody can ask
		return
	}
	o := n.cfg.sessionOptions()
	o.Find, o.Labels = n.runningContainer, n.containerLabels
	n.sessionsSince = time.Now()
	var err error
	if o.PolicyFile != "" {
		n.sessionPolicy, err = policy.Open(policy.FileOptions{Path: o.PolicyFile, FailClosed: true,
			Changed: func(error) { n.sessions.PolicyChanged() }, Log: o.Log.With("policy", "of sessions on this node")})
		o.Policy = n.sessionPolicy
	}
	dir := filepath.Join(n.cfg.DataDir, sessionAuditDir)
	if err == nil {
		n.sessionAudit, err = audit.Open(dir, audit.Options{Log: o.Log})
	}
	if err == nil {
		o.Audit = n.sessionAudit
		n.sessions, err = sessions.New(o)
	}
	if err == nil {
		return
	}
	if n.sessionAudit != nil {
		err = errors.Join(err, n.sessionAudit.Close())
	}
	n.noSessions = err
	n.log.Error("this node takes no sessions", "err", err)
}

func (n *Node) closeSessions() error { return errors.Join(n.sessions.Close(), n.sessionAudit.Close()) }

// sessionHandlers returns what this node answers about sessions.
func (n *Node) sessionHandlers() map[string]rpc.Handler {
	if n.sessions != nil {
		return n.sessions.Handlers()
	}
	return sessions.Off(n.noSessions)
}

// containersKnown is how long after its start a collector may not know all containers that run.
const containersKnown = 10 * time.Second

// runningContainer returns a container of this node.
func (n *Node) runningContainer(ctx context.Context, id string) (sessions.Container, error) {
	c := n.names.Running(id)
	for c == nil && time.Since(n.sessionsSince) < containersKnown && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		c = n.names.Running(id)
	}
	if c == nil {
		return sessions.Container{}, fmt.Errorf("container %s: %w", id, sessions.ErrNoContainer)
	}
	started := c.Started
	if started == 0 {
		started = n.startInTick(id)
	}
	return sessions.Container{Container: session.Container{ID: c.ContainerID, Started: started}, PID: c.PID,
		Name: c.Name}, nil
}

// containerLabels returns what this node has found out about a container, nil if it is not known.
func (n *Node) containerLabels(id string) []frame.Label {
	if c := n.names.Running(id); c != nil {
		return c.Labels
	}
	return nil
}

// followSessionPolicy follows changes of the node's own policy until ctx ends.
func (n *Node) followSessionPolicy(ctx context.Context) {
	if n.sessionPolicy != nil && n.sessions != nil {
		n.sessionPolicy.Run(ctx)
	}
}

// startInTick returns when a container was started whose runtime does not say it: what the
// newest tick has, which relays know; 0 if it has nothing.
func (n *Node) startInTick(id string) (started int64) {
	_ = n.local.View(n.cfg.AgentID, func(b *frame.Batch) { // without a tick there is nothing
		t := b.Table(metric.Container)
		if t == nil {
			return
		}
		for i, row := range t.Rows {
			if v := t.Row(i)[metric.Created]; row.Label("container_id") == id && v != metric.Absent {
				started = max(started, v*int64(time.Second))
			}
		}
	})
	return started
}

// fillSessions fills the columns about sessions.
func (n *Node) fillSessions(v []int64) {
	if n.sessions == nil {
		return
	}
	s := n.sessions.Stats()
	v[metric.SelfSessions], v[metric.SelfSessionsOpened] = int64(s.Sessions), int64(s.Opened)
	v[metric.SelfSessionsRefused], v[metric.SelfSessionsFailed] = int64(s.Refused), int64(s.Failed)
	v[metric.SelfSessionsLost], v[metric.SelfSessionsDenied] = int64(s.Lost), int64(s.Denied)
	if n.sessionPolicy != nil {
		v[metric.SelfSessionsPolicyFailing] = 0
		if s.Broken {
			v[metric.SelfSessionsPolicyFailing] = 1
		}
	}
}
