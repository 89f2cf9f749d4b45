package server

import "github.com/daytwo/daytwo/api/auth/policy"

// need is what a route requires of who asks.
type need struct {
	kind     needKind
	resource policy.Resource // whose view the answer is narrowed to
	action   policy.Action
	also     policy.Resource // of which something must be visible too; policy.Superuser (0) for none
	audited  bool            // each use is in the audit log, not only refused ones
}

type needKind uint8

const (
	unlisted needKind = iota // the zero value: a route that is not in the table
	public                   // needs no credential
	signedIn                 // needs a valid credential, and nothing else
	allowed                  // who may do the action with something of the resource
)

func may(a policy.Action, r policy.Resource) need { return need{kind: allowed, resource: r, action: a} }

// through is may for a route that leads through an agent's address, as DC/OS had them.
func through(also, r policy.Resource) need {
	return need{kind: allowed, resource: r, action: policy.Read, also: also}
}

func (n need) audit() need { n.audited = true; return n }

// needs says for each route, by method and path, what it requires. There is no other place
// where that is decided: a route that is not here cannot be served.
var needs = map[string]need{
	"GET /{$}":     {kind: public},
	"GET /healthz": {kind: public},
	"GET /readyz":  {kind: public},

	"POST /acs/api/v1/auth/login":    {kind: public},
	"GET /acs/api/v1/auth/jwks":      {kind: public},
	"GET /acs/api/v1/auth/providers": {kind: public},

	"GET /api/v1/auth/methods":    {kind: public},
	"POST /api/v1/auth/session":   {kind: public},
	"DELETE /api/v1/auth/session": {kind: public},
	"GET /api/v1/auth/session":    {kind: signedIn},
	"GET /api/v1/auth/explain":    {kind: signedIn}, // about others: who may read the policy

	"GET /api/v1/auth/oidc/start":    {kind: public},
	"GET /api/v1/auth/oidc/callback": {kind: public},
	"POST /api/v1/auth/oidc/device":  {kind: public},
	"POST /api/v1/auth/oidc/token":   {kind: public},

	"GET /api/v1/openapi.json":                 {kind: signedIn},
	"GET /pkgpanda/active.buildinfo.full.json": {kind: signedIn},
	"GET /capabilities":                        {kind: signedIn},
	"GET /metadata":                            {kind: signedIn},

	"GET /dcos-metadata/dcos-version.json": {kind: signedIn},
	"GET /dcos-metadata/ui-config.json":    {kind: signedIn},

	"GET /metrics":       may(policy.Read, policy.RelayMetrics),
	"GET /fleet/metrics": may(policy.Read, policy.SystemMetrics),

	"GET /api/v1/agents":     may(policy.Read, policy.SystemMetrics),
	"GET /api/v1/containers": may(policy.Read, policy.SystemMetrics),
	"GET /api/v1/query":      may(policy.Read, policy.SystemMetrics),
	"GET /api/v1/statsd":     may(policy.Read, policy.SystemMetrics),
	"GET /api/v1/events":     may(policy.Read, policy.SystemMetrics),

	"GET /api/v1/audit/checkpoints": may(policy.Read, policy.Audit),

	"GET /api/v1/sinks":                may(policy.Read, policy.Sinks),
	"GET /api/v1/sinks/{name}/dead":    may(policy.Read, policy.DeadLetters).audit(),
	"POST /api/v1/sinks/{name}/pause":  may(policy.Update, policy.Sinks).audit(),
	"POST /api/v1/sinks/{name}/resume": may(policy.Update, policy.Sinks).audit(),
	"POST /api/v1/sinks/{name}/reset":  may(policy.Update, policy.Sinks).audit(),
	"POST /api/v1/sinks/{name}/test":   may(policy.Update, policy.Sinks).audit(),

	"POST /api/v1/enroll":                      {kind: public}, // a code is the proof
	"POST /api/v1/enroll/codes":                may(policy.Create, policy.Nodes).audit(),
	"GET /api/v1/enroll/nodes":                 may(policy.Read, policy.Nodes),
	"POST /api/v1/enroll/nodes/{agent}/revoke": may(policy.Delete, policy.Nodes).audit(),

	// What each may do is decided for each session, by relay/sessions.
	"GET /api/v1/sessions":         {kind: signedIn},
	"DELETE /api/v1/sessions/{id}": {kind: signedIn},
	// Likewise of each recording: it has tags, which a rule may narrow.
	"GET /api/v1/recordings":                   {kind: signedIn},
	"GET /api/v1/recordings/matches":           {kind: signedIn},
	"GET /api/v1/recordings/{session}/{piece}": {kind: signedIn},

	"GET /api/v1/session-requests":               {kind: signedIn},
	"POST /api/v1/session-requests/{id}/approve": {kind: signedIn},
	"POST /api/v1/session-requests/{id}/deny":    {kind: signedIn},

	"GET /api/v1/logs":           may(policy.Read, policy.SystemLogs).audit(),
	"GET /api/v1/logs/entries":   may(policy.Read, policy.SystemLogs).audit(),
	"GET /api/v1/logs/fields":    may(policy.Read, policy.SystemLogs).audit(),
	"GET /api/v1/logs/values":    may(policy.Read, policy.SystemLogs).audit(),
	"GET /api/v1/logs/histogram": may(policy.Read, policy.SystemLogs),
	"GET /api/v1/logs/boots":     may(policy.Read, policy.SystemLogs),

	"GET /mesos/master/state":         may(policy.Read, policy.OpsMesos),
	"GET /mesos/master/state.json":    may(policy.Read, policy.OpsMesos),
	"GET /mesos/master/state-summary": may(policy.Read, policy.OpsMesos),
	"GET /mesos/state-summary":        may(policy.Read, policy.OpsMesos),
	"GET /mesos/state":                may(policy.Read, policy.OpsMesos),
	"GET /mesos/master/slaves":        may(policy.Read, policy.OpsMesos),
	"GET /mesos/slaves":               may(policy.Read, policy.OpsMesos),
	"POST /mesos/api/v1":              may(policy.Read, policy.OpsMesos),
	"GET /mesos_dns/v1/hosts/{name}":  may(policy.Read, policy.OpsMesos),
	"GET /net/v1/nodes":               may(policy.Read, policy.OpsMesos),
	"GET /slave/{agent}/state":        may(policy.Read, policy.OpsSlave),
	"GET /slave/{agent}/state.json":   may(policy.Read, policy.OpsSlave),

	// As DC/OS had it, for the address alone: who may open a session is decided for each.
	"POST /slave/{agent}/api/v1": may(policy.Read, policy.OpsSlave),
	"POST /agent/{agent}/api/v1": may(policy.Read, policy.OpsSlave),
}
