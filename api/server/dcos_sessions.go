package server

import (
	"net/http"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/query/visible"
	dcossessions "github.com/daytwo/daytwo/api/server/dcos/sessions"
	"github.com/daytwo/daytwo/api/server/web"
)

// dcosSessions returns the calls of Mesos' agents that concern sessions.
func (s *server) dcosSessions() *dcossessions.API {
	return &dcossessions.API{Sessions: s.Sessions, Policy: s.Policy, Proof: s.sessions.Proof, Table: s.nested,
		Known: s.knownAgent, Follow: s.followContainer}
}

// knownAgent reports whether there is an agent of an id.
func (s *server) knownAgent(id string) bool {
	for _, a := range s.Fleet.Agents() {
		if a.ID == id {
			return true
		}
	}
	return false
}

// attaching is what the output of a running container requires, for which DC/OS has a resource
// of its own.
var attaching = may(policy.Read, policy.Container)

// followContainer reads what a container prints from now on.
func (s *server) followContainer(r *http.Request, agent, container string) (query.LogReader, error) {
	if s.Logs == nil {
		return nil, &web.Error{Status: http.StatusNotImplemented, Message: "this relay has no logs"}
	}
	a := &access{gate: s.Gate, policy: s.Policy, audit: s.Audit, log: s.Log}
	v, err := a.view(r, auth.From(r.Context()), attaching.audit())
	if err != nil {
		return nil, err
	}
	logs := visible.Logs(s.Logs, v.LogScope(), a.still(r, v, attaching))
	return logs.Entries(r.Context(), &query.LogQuery{Agents: []string{agent}, Containers: []string{container},
		Fields: []string{"MESSAGE", "STREAM"}, Tail: true, Follow: true})
}
