package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/server/web"
)

// Bounds of a question.
const (
	maxTags     = 64
	maxQuestion = 64 << 10 // bytes
)

// explain answers GET /api/v1/auth/explain: what the asker may do, and why. Who may read the
// policy may ask about others.
func (s *server) explain(w http.ResponseWriter, r *http.Request) error {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxQuestion {
		return web.BadRequest("the query cannot be read")
	}
	for name, values := range v {
		switch {
		case !slices.Contains([]string{"action", "resource", "tag", "as", "groups"}, name):
			return web.BadRequest("unknown parameter %q: the parameters are action, resource, tag, as, groups", name)
		case len(values) > 1 && name != "tag" || len(values) > maxTags:
			return web.BadRequest("parameter %q is given %d times", name, len(values))
		}
	}
	q, err := policy.ParseQuestion(v.Get("action"), v.Get("resource"), v["tag"])
	if err != nil {
		return web.BadRequest("%v", err)
	}
	asker := auth.From(r.Context())
	rules := s.Policy()
	reads := !rules.View(asker, policy.Read, policy.PolicyFile).Nothing()
	about := asker
	if v.Has("as") || v.Has("groups") {
		if !reads {
			s.recordQuestion(r, v.Get("as"), audit.Refused)
			return &web.Error{Status: http.StatusForbidden, Message: fmt.Sprintf("%s may not %s %s: ask about yourself, "+
				"without --as and --groups", asker.Name(), policy.Read, policy.PolicyFile)}
		}
		if about, err = s.assumed(v, asker.Name()); err != nil {
			return web.BadRequest("%v", err)
		}
		s.recordQuestion(r, about.Name(), audit.Allowed)
	}
	e := rules.Explain(about, q.Action, q.Resource, &q.Tags)
	if !reads {
		e.Policy = "" // where the file is
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, r, e)
}

// assumed returns the user of a question. A local user has the groups that the relay knows, and
// those of the question.
func (s *server) assumed(v url.Values, asker string) (*auth.Principal, error) {
	name := asker
	if v.Has("as") {
		name = v.Get("as")
	}
	var groups []string
	if g := v.Get("groups"); g != "" {
		groups = strings.Split(g, ",")
	}
	if s.SignIn != nil {
		groups = append(groups, s.SignIn.Groups(name)...)
	}
	return auth.NewPrincipal(name, groups, auth.MethodAssumed, time.Time{})
}

// recordQuestion adds a question about somebody else to the audit log.
func (s *server) recordQuestion(r *http.Request, about, decision string) {
	if s.Audit == nil {
		return
	}
	p := auth.From(r.Context())
	s.Audit(audit.Record{Who: p.Name(), Groups: p.Groups(), Method: string(p.Method()), From: r.RemoteAddr,
		What: r.Method + " " + r.URL.Path, Action: policy.Read.String(), Resource: policy.PolicyFile.String(),
		Object: about, Decision: decision})
}
