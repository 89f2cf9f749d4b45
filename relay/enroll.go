package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
)

// Keys are the keys of a cluster, with which a relay lets nodes in.
type Keys struct {
	Dir     string        // of 'daytwo cluster init'; "": this relay lets no nodes in
	Servers []string      // URLs of NATS servers for the nodes; default: the relay's own
	Valid   time.Duration // of the nodes' credentials; default setting.NodeValidity
}

// enrollment lets nodes in with the keys of a cluster. It implements server.Enrollment.
type enrollment struct {
	keys     *credentials.Cluster
	servers  []string
	valid    time.Duration
	throttle users.Throttle
	admin    *nats.Conn  // as the user that may change accounts on the servers
	unpushed atomic.Bool // the servers do not have the account's newest claims yet
	log      *slog.Logger
}

const (
	pushWait  = 8 * time.Second // for the first server that takes claims
	pushAgain = 5 * time.Second
)

// openEnrollment opens the keys. It returns nil without any.
func (c *Config) openEnrollment() (*enrollment, error) {
	if c.Keys.Dir == "" {
		return nil, nil
	}
	keys, err := credentials.Open(c.Keys.Dir)
	if err != nil {
		return nil, fmt.Errorf("cluster keys: %w", err)
	}
	if keys.Name() != c.Cluster {
		return nil, fmt.Errorf("cluster keys: %s has the keys of cluster %q, and this relay is of %q: give --cluster %s",
			c.Keys.Dir, keys.Name(), c.Cluster, keys.Name())
	}
	e := &enrollment{keys: keys, servers: c.Keys.Servers, valid: c.Keys.Valid, log: c.Log.With("component", "enrollment")}
	if e.valid == 0 {
		e.valid = setting.NodeValidity
	}
	if len(e.servers) == 0 {
		if e.servers, err = withoutSecrets(c.NATS.URLs); err != nil {
			return nil, err
		}
	}
	o := c.NATS
	o.Name, o.Credentials, o.User, o.Password, o.Token = "daytwo administration", filepath.Join(c.Keys.Dir,
		credentials.SystemCreds), "", "", ""
	if e.admin, err = bus.Connect(o); err != nil {
		return nil, err
	}
	e.unpushed.Store(true) // they may have been away when a node was revoked
	return e, nil
}

// withoutSecrets returns comma-separated URLs one by one, without the users in them.
func withoutSecrets(urls string) (list []string, err error) {
	for _, text := range strings.Split(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("nats: %w", err)
		}
		u.User = nil
		list = append(list, u.String())
	}
	return list, nil
}

// Enroll implements server.Enrollment.
func (e *enrollment) Enroll(q v1.EnrollRequest, address string) (v1.Enrolled, error) {
	if wait := e.throttle.Wait(q.AgentID, address); wait > 0 {
		return v1.Enrolled{}, &server.WaitError{For: wait}
	}
	if err := credentials.CheckProof(q.Key, credentials.Proof("enroll", q.AgentID, q.Code), q.Signature); err != nil {
		return v1.Enrolled{}, web.BadRequest("%v", err)
	}
	token, err := e.keys.Redeem(q.Code, q.AgentID, q.Key, e.valid)
	switch {
	case errors.Is(err, credentials.ErrCode), errors.Is(err, credentials.ErrTaken), errors.Is(err, credentials.ErrRevoked):
		return v1.Enrolled{}, &web.Error{Status: http.StatusForbidden, Message: err.Error()}
	case err != nil:
		return v1.Enrolled{}, err
	}
	ca, err := e.keys.CA()
	if err != nil {
		return v1.Enrolled{}, err
	}
	e.throttle.Succeeded(q.AgentID, address)
	e.log.Info("a node was enrolled", "agent_id", q.AgentID, "from", address)
	return v1.Enrolled{Cluster: e.keys.Name(), AgentID: q.AgentID, JWT: token, CA: string(ca), Servers: e.servers}, nil
}

// Codes implements server.Enrollment.
func (e *enrollment) Codes(n int, agent string, valid time.Duration) (v1.EnrollCodes, error) {
	codes, expires, err := e.keys.NewCodes(n, agent, valid)
	return v1.EnrollCodes{Codes: codes, AgentID: agent, Expires: expires}, err
}

// Nodes implements server.Enrollment.
func (e *enrollment) Nodes() (all []v1.EnrolledNode, err error) {
	list, err := e.keys.Nodes()
	for _, n := range list {
		all = append(all, v1.EnrolledNode{AgentID: n.Agent, Key: n.Key, Issued: n.Issued, Expires: n.Expires,
			Revoked: n.Revoked})
	}
	return all, err
}

// Revoke implements server.Enrollment.
func (e *enrollment) Revoke(_ context.Context, agent string) (v1.NodeRevoked, error) {
	doc := v1.NodeRevoked{AgentID: agent}
	var err error
	doc.Revoked, err = e.keys.Revoke(agent)
	switch {
	case errors.Is(err, credentials.ErrUnknownNode):
		return doc, web.NotFound("%v", err)
	case err != nil:
		return doc, err
	}
	e.unpushed.Store(true)
	if doc.Servers, err = e.push(); err != nil {
		return doc, &web.Error{Status: http.StatusServiceUnavailable,
			Message: fmt.Sprintf("%s is revoked, but no NATS server knows it yet, and it is tried again: %v", agent, err)}
	}
	e.log.Info("a node was revoked", "agent_id", agent, "credentials", doc.Revoked, "servers", doc.Servers)
	return doc, nil
}

// push sends the account's claims to the servers.
func (e *enrollment) push() (int, error) {
	if !e.admin.IsConnected() {
		return 0, errors.New("the relay is not connected to NATS")
	}
	n, err := e.keys.Push(e.admin, pushWait)
	if err == nil {
		e.unpushed.Store(false)
	}
	return n, err
}

// run renews credentials of nodes that ask for it over conn, and tells servers of
// revocations that they have missed, until ctx ends.
func (e *enrollment) run(ctx context.Context, conn *nats.Conn) {
	sub, err := conn.QueueSubscribe(bus.AllRenew(e.keys.Name()), "enrollment", func(m *nats.Msg) { e.renew(m) })
	if err != nil {
		e.log.Error("credentials of nodes are not renewed", "err", err)
	} else {
		defer func() { _ = sub.Unsubscribe() }() // the connection may be closed
	}
	tick := time.NewTicker(pushAgain)
	defer tick.Stop()
	said := false
	for {
		if e.unpushed.Load() && e.admin.IsConnected() {
			if _, err := e.push(); err != nil && !said {
				said = true
				e.log.Error("the NATS servers may not know who is revoked", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// renew answers a node that asks for new claims.
func (e *enrollment) renew(m *nats.Msg) {
	answer := func(a credentials.Renewal) {
		text, err := json.Marshal(a)
		if err == nil {
			err = m.Respond(text)
		}
		if err != nil {
			e.log.Warn("a renewal cannot be answered", "subject", m.Subject, "err", err)
		}
	}
	var q credentials.RenewRequest
	i := strings.LastIndexByte(m.Subject, '.')
	agent, ok := bus.ParseToken(m.Subject[i+1:])
	if err := json.Unmarshal(m.Data, &q); err != nil || !ok {
		answer(credentials.Renewal{Error: "the request is malformed"})
		return
	}
	token, err := e.keys.Renew(agent, q.JWT, q.Signature, e.valid)
	if err != nil {
		e.log.Warn("a credential is not renewed", "agent_id", agent, "err", err)
		answer(credentials.Renewal{Error: err.Error()})
		return
	}
	e.log.Info("a credential is renewed", "agent_id", agent)
	answer(credentials.Renewal{JWT: token})
}

func (e *enrollment) close() {
	if e != nil {
		e.admin.Close()
	}
}
