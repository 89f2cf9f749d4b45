package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/query/visible"
	"github.com/daytwo/daytwo/api/server/web"
)

// access decides which requests are answered, and with what.
type access struct {
	gate   *gate.Gate
	policy func() *policy.Policy
	audit  func(audit.Record)
	log    *slog.Logger
}

// Errors of requests that are not answered.
var (
	errSignIn = &web.Error{Status: http.StatusUnauthorized,
		Message: "sign in first: run 'daytwo login', or send a token as 'Authorization: Bearer TOKEN' " +
			"(that of the relay's machine is in <data>/token)"}
	errForeignPage = &web.Error{Status: http.StatusForbidden,
		Message: "this request comes from a page of another server"}
	errAccessEnded = errors.New("access has ended: the proof of who you are expired, or the policy changed")
)

// guarded returns the routes of a server with the table's decision before each. Handlers
// get a server that has only what the asker may see: none of them can show more.
func (a *access) guarded(s *server) ([]web.Route, error) {
	var all []web.Route
	for _, group := range groups {
		routes := group(s)
		for i := range routes {
			rt := &routes[i]
			n := needs[rt.Method+" "+rt.Path]
			switch n.kind {
			case unlisted:
				return nil, fmt.Errorf("server: %s %s is not in the table of what routes require", rt.Method, rt.Path)
			case public:
				continue
			}
			rt.Handle = a.decided(n, rt.Handle, s, func(narrowed *server) web.Handler { return group(narrowed)[i].Handle })
		}
		all = append(all, routes...)
	}
	return all, nil
}

// decided returns a handler of a route that needs n. whole is that of a server that has
// everything, part returns that of a narrowed one.
func (a *access) decided(n need, whole web.Handler, s *server, part func(*server) web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := a.principal(w, r)
		if err != nil {
			return err
		}
		r = r.WithContext(auth.With(r.Context(), p))
		if n.kind == signedIn {
			return whole(w, r)
		}
		v, err := a.view(r, p, n)
		switch {
		case err != nil:
			return err
		case v.Everything() && p.Admin():
			return whole(w, r)
		}
		return part(s.narrowed(v, a.still(r, v, n)))(w, r)
	}
}

// principal returns who sends a request, or the error to answer if that is not known.
func (a *access) principal(w http.ResponseWriter, r *http.Request) (*auth.Principal, error) {
	p, err := a.gate.Principal(r)
	if err == nil {
		return p, nil
	}
	if !errors.Is(err, gate.ErrNobody) {
		a.log.Debug("a request was refused", "path", r.URL.Path, "from", r.RemoteAddr, "err", err)
		a.record(r, nil, need{}, audit.Refused, "", err.Error())
	}
	if errors.Is(err, gate.ErrForeignPage) {
		return nil, errForeignPage
	}
	if r.URL.Path == "/pkgpanda/active.buildinfo.full.json" {
		w.Header().Add("WWW-Authenticate", "acsjwt") // what DC/OS' command line looks for
	}
	w.Header().Add("WWW-Authenticate", `Bearer realm="daytwo"`)
	return nil, errSignIn
}

// view returns what the asker may see of what a route shows, or the error to answer if that
// is nothing.
func (a *access) view(r *http.Request, p *auth.Principal, n need) (*policy.View, error) {
	v, refused := a.decide(p, n)
	if v.Nothing() {
		a.record(r, p, n, audit.Refused, "", "")
		return nil, &web.Error{Status: http.StatusForbidden,
			Message: fmt.Sprintf("%s may not %s %s: 'daytwo auth explain' says why", p.Name(), n.action, refused)}
	}
	if n.audited {
		rule := "those that narrow it"
		if d := v.Decide(new(policy.Tags)); d.Allowed {
			rule = d.Name
			if d.Rule > 0 {
				rule = fmt.Sprintf("rule %d %s", d.Rule, d.Name)
			}
		}
		a.record(r, p, n, audit.Allowed, rule, "")
	}
	return v, nil
}

// decide returns what a principal may see of what a route shows; if that is nothing, refused
// is the resource because of which.
func (a *access) decide(p *auth.Principal, n need) (v *policy.View, refused policy.Resource) {
	rules := a.policy()
	if n.also != 0 && rules.View(p, policy.Read, n.also).Nothing() {
		return rules.View(nil, n.action, n.resource), n.also
	}
	return rules.View(p, n.action, n.resource), n.resource
}

// still returns a function that returns an error once the sender of a request has no valid
// proof any more, or may see something else than before of what a route shows.
func (a *access) still(r *http.Request, v *policy.View, n need) func() error {
	before := v.LogScope()
	return func() error {
		p, err := a.gate.Principal(r)
		if err != nil {
			return errAccessEnded
		}
		if now, _ := a.decide(p, n); !reflect.DeepEqual(now.LogScope(), before) {
			return errAccessEnded
		}
		return nil
	}
}

// record adds a line to the audit log.
func (a *access) record(r *http.Request, p *auth.Principal, n need, decision, rule, why string) {
	if a.audit == nil {
		return
	}
	rec := audit.Record{
		Who: p.Name(), Groups: p.Groups(), Method: string(p.Method()), From: r.RemoteAddr,
		What: r.Method + " " + r.URL.Path, Decision: decision, Rule: rule, Error: why,
	}
	if n.kind == allowed {
		rec.Action, rec.Resource = n.action.String(), n.resource.String()
	}
	a.audit(rec)
}

// narrowed returns a server that has only what a view allows. still ends its streams.
func (s *server) narrowed(v *policy.View, still func() error) *server {
	o, scope := s.Options, v.LogScope()
	if !v.Everything() {
		o.Fleet, o.History = visible.Fleet(o.Fleet, v.AllowsOrigin), visible.History(o.History, v.AllowsOrigin)
	}
	if o.Logs != nil {
		o.Logs = visible.Logs(o.Logs, scope, still)
	}
	n := newServer(o, s.shared, scope)
	if v.Everything() {
		n.scraper = s.scraper // which has the labels of the whole fleet ready
	} else {
		n.dcos.Sees = v.AllowsOrigin
	}
	return n
}
