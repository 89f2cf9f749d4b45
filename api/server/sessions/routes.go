package sessions

import (
	"errors"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/server/sessions/kube"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/v1"
)

// API serves the routes of sessions.
type API struct {
	// Sessions is nil for a relay without sessions: the routes answer with status 501. The same
	// holds for Approvals.
	Sessions  broker.Sessions
	Approvals broker.Approvals
	Policy    func() *policy.Policy
	Proof     func(*http.Request) error // reports why the sender of a request is nobody any more

	silence time.Duration // 0 for clientSilence
}

// Routes returns the routes. Those who have proved who they are may ask: what each may do
// is decided for each session.
func (a *API) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/api/v1/sessions", Handle: a.listOrOpen, Stream: true},
		{Method: "DELETE", Path: "/api/v1/sessions/{id}", Handle: a.kill},
		{Method: "GET", Path: "/api/v1/session-requests", Handle: a.requests},
		{Method: "POST", Path: "/api/v1/session-requests/{id}/approve", Handle: a.approve},
		{Method: "POST", Path: "/api/v1/session-requests/{id}/deny", Handle: a.deny},
		{Method: "GET", Path: "/api/v1/recordings", Handle: a.recordings},
		{Method: "GET", Path: "/api/v1/recordings/matches", Handle: a.matches},
		{Method: "GET", Path: "/api/v1/recordings/{session}/{piece}", Handle: a.recordingFile, Stream: true},
	}
}

// errOff is the answer of a relay without sessions.
var errOff = &web.Error{Status: http.StatusNotImplemented,
	Message: "this relay opens no sessions, as it has no directory for their key: start it with --data DIR"}

// asker returns who asks.
func (a *API) asker(r *http.Request) *broker.Asker {
	return &broker.Asker{Principal: auth.From(r.Context()), From: r.RemoteAddr, Policy: a.Policy}
}

// listOrOpen answers GET /api/v1/sessions: with a WebSocket, or with the list.
func (a *API) listOrOpen(w http.ResponseWriter, r *http.Request) error {
	if a.Sessions == nil {
		return errOff
	}
	switch {
	case r.Header.Get("Upgrade") == "":
	case kube.Offered(r):
		return a.connectKube(w, r)
	default:
		return a.connect(w, r)
	}
	all, missing, err := a.Sessions.List(r.Context(), a.asker(r))
	if err != nil {
		return answer(err)
	}
	doc := v1.Sessions{Sessions: make([]v1.SessionInfo, len(all))}
	for _, m := range missing {
		doc.Missing = append(doc.Missing, v1.SessionsMissing(m))
	}
	for i := range all {
		s := &all[i]
		doc.Sessions[i] = v1.SessionInfo{Session: s.Session, Agent: s.Agent, ContainerID: s.Container.ID, Tags: s.Tags,
			User: s.Principal, Begun: s.Begun.UTC(), Clients: s.Clients, Writer: s.Writer, Recorded: s.Recorded, Exit: s.Exit}
		if s.Command != nil {
			doc.Sessions[i].Command = *s.Command
		}
	}
	return web.WriteJSON(w, r, doc)
}

// kill answers DELETE /api/v1/sessions/{id}.
func (a *API) kill(w http.ResponseWriter, r *http.Request) error {
	if a.Sessions == nil {
		return errOff
	}
	err := a.Sessions.Kill(r.Context(), a.asker(r), r.URL.Query().Get("agent"), r.PathValue("id"))
	if err != nil {
		return answer(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer returns an error as clients see it.
func answer(err error) error {
	var none *broker.NoContainerError
	var noNode *broker.NoNodeError
	var ambiguous *broker.AmbiguousError
	var denied *broker.DeniedError
	var said *web.Error
	if errors.As(err, &said) {
		return said
	}
	var unanswered *broker.UnansweredError
	status := http.StatusBadGateway
	switch {
	case errors.As(err, &unanswered):
		status = http.StatusGatewayTimeout
	case errors.As(err, &none), errors.As(err, &noNode), errors.Is(err, broker.ErrNotFound),
		errors.Is(err, broker.ErrNoRequest), errors.Is(err, broker.ErrNoRecording):
		status = http.StatusNotFound
	case errors.As(err, &ambiguous), errors.Is(err, broker.ErrConflict):
		status = http.StatusConflict
	case errors.As(err, &denied):
		status = http.StatusForbidden
	case errors.Is(err, broker.ErrBad):
		status = http.StatusBadRequest
	default:
		switch rpc.CodeOf(err) {
		case rpc.Invalid:
			status = http.StatusBadRequest
		case rpc.NotFound:
			status = http.StatusNotFound
		case rpc.Denied:
			status = http.StatusForbidden
		case rpc.Exhausted:
			status = http.StatusTooManyRequests
		case rpc.Unavailable, rpc.Canceled:
			status = http.StatusServiceUnavailable
		}
	}
	return &web.Error{Status: status, Message: err.Error()}
}
