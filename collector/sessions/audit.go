package sessions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// write adds a line to the node's audit log. A failure is logged there.
func (m *Manager) write(r audit.Record) {
	if m.o.Audit != nil {
		_ = m.o.Audit.Record(r)
	}
}

func line(verb string, g *grant.Grant) audit.Record {
	r := audit.Record{What: verb, Decision: audit.Allowed}
	if g == nil {
		return r
	}
	r.Who, r.Groups, r.Method, r.From, r.Rule = g.Principal, g.Groups, g.Method, g.From, g.Rule
	r.Resource = "session " + g.Session
	var rights []string
	for _, right := range g.Rights {
		rights = append(rights, string(right))
	}
	r.Action = strings.Join(rights, ",")
	if g.Container.ID != "" || g.Has(session.Node) {
		r.Object = object(g.Container, g.Tags)
	}
	if g.Command != nil {
		r.What += ": " + strings.Join(g.Command.Args, " ")
	}
	return r
}

// object names a container with its origin tags.
func object(c session.Container, tags map[string]string) string {
	var all []string
	for k, v := range tags {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	what := "container " + c.ID
	if c.ID == "" {
		what = "the node itself"
	}
	return strings.TrimSpace(strings.Join(append([]string{what}, all...), " "))
}

func (m *Manager) auditRefused(verb string, g *grant.Grant, err error) {
	r := line(verb, g)
	r.Decision, r.Error = audit.Refused, err.Error()
	m.write(r)
}

func (m *Manager) auditOpen(g *grant.Grant, err error) {
	r := line(sessionrpc.VerbOpen, g)
	if err != nil {
		r.Decision, r.Error = audit.Failed, err.Error()
	}
	m.write(r)
}

func (m *Manager) auditAttach(g *grant.Grant, l *live) {
	r := line(sessionrpc.VerbAttach, g)
	r.Object = object(l.rec.Container, l.rec.Tags)
	m.write(r)
}

func (m *Manager) auditKill(g *grant.Grant, l *live) {
	r := line(sessionrpc.VerbKill, g)
	r.Object = object(l.rec.Container, l.rec.Tags)
	m.write(r)
}

func (m *Manager) auditEnd(rec *record, e *session.Exit, s *wire.State) {
	m.write(audit.Record{Who: rec.Principal, Groups: rec.Groups, Method: rec.Method, From: rec.From, Rule: rec.Rule,
		Resource: "session " + rec.Session, Object: object(rec.Container, rec.Tags), Decision: audit.Allowed,
		What: fmt.Sprintf("session-end: %s (code %d); %d bytes in, %d bytes out", e, e.Code, s.Bytes[wire.Stdin],
			s.Bytes[wire.Stdout]+s.Bytes[wire.Stderr])})
}
