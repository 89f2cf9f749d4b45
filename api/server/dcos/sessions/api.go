package sessions

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/sessions"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session/broker"
)

// API answers calls to the agents of a fleet.
type API struct {
	Sessions broker.Sessions // nil for a relay without sessions: the calls are answered with status 501
	Policy   func() *policy.Policy
	Proof    func(*http.Request) error // reports why the sender of a request is nobody any more
	Table    *Table                    // shared by all who ask
	// Known reports whether there is an agent of an id.
	Known func(agent string) bool
	// Follow reads what a task's container prints from now on, if the sender of a request may.
	Follow func(r *http.Request, agent, container string) (query.LogReader, error)

	Heartbeat time.Duration // between two heartbeats to a client; default 30 s, as in Mesos
	Check     time.Duration // after which it is asked again whether a client may go on; default 5 s
}

// Routes returns the routes. Whoever may use an agent's address may ask: what each may do is
// decided for each session.
func (a *API) Routes() []web.Route {
	if a.Heartbeat == 0 {
		a.Heartbeat = 30 * time.Second
	}
	if a.Check == 0 {
		a.Check = 5 * time.Second
	}
	return []web.Route{
		{Method: "POST", Path: "/slave/{agent}/api/v1", Handle: a.answer, Stream: true},
		{Method: "POST", Path: "/agent/{agent}/api/v1", Handle: a.answer, Stream: true},
	}
}

var errOff = &web.Error{Status: http.StatusNotImplemented,
	Message: "this relay opens no sessions, as it has no directory for their key: start it with --data DIR"}

// answer answers a call. Errors are plain text, which DC/OS' Go client shows.
func (a *API) answer(w http.ResponseWriter, r *http.Request) error {
	err := a.dispatch(w, r)
	if err == nil {
		return nil
	}
	e := status(err)
	if e == nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, e.Message)
	return nil
}

// status returns an error as clients see it, nil for one that nobody expects.
func status(err error) *web.Error {
	var e *web.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, query.ErrNoSuchSource), errors.Is(err, query.ErrNoJournal), errors.Is(err, query.ErrUnknownAgent):
		return &web.Error{Status: http.StatusNotFound, Message: err.Error()}
	}
	return sessions.Status(err)
}

func (a *API) dispatch(w http.ResponseWriter, r *http.Request) error {
	if a.Sessions == nil {
		return errOff
	}
	if agent := r.PathValue("agent"); !a.Known(agent) {
		return web.NotFound("there is no agent %s here", agent)
	}
	if mediaType(r, "Content-Type") == typeRecordIO {
		enc, ok := encodingOf(mediaType(r, "Message-Content-Type"))
		if !ok {
			return unsupported("Message-Content-Type")
		}
		return a.attachInput(w, r, enc)
	}
	enc, ok := encodingOf(mediaType(r, "Content-Type"))
	if !ok {
		return unsupported("Content-Type")
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &web.Error{Status: http.StatusRequestEntityTooLarge, Message: "the call is too large"}
	case err != nil:
		return web.BadRequest("the call cannot be read: %v", err)
	}
	c, err := enc.parse(body)
	if err != nil {
		return web.BadRequest("%v", err)
	}
	// The deadline of reading would end the request's context in the middle of the answer, and a
	// client may stop to read for as long as it likes: that stops the program, and nothing grows.
	ctl := http.NewResponseController(w)
	_, _ = ctl.SetReadDeadline(time.Time{}), ctl.SetWriteDeadline(time.Time{}) // a writer of tests has none
	if enc, err = accepts(r, c.kind != waitContainer, enc); err != nil {
		return err
	}
	switch c.kind {
	case launchSession:
		return a.launch(w, r, c, enc)
	case attachOutput:
		return a.attachOutput(w, r, c, enc)
	case waitContainer:
		return a.wait(w, r, c, enc)
	}
	return web.BadRequest("ATTACH_CONTAINER_INPUT has to be sent as a stream of " + typeRecordIO)
}

func unsupported(header string) error {
	return &web.Error{Status: http.StatusUnsupportedMediaType,
		Message: header + " has to be " + typeJSON + " or " + typeProtobuf +
			", and for a stream Content-Type " + typeRecordIO}
}

// asker returns who asks.
func (a *API) asker(r *http.Request) *broker.Asker {
	return &broker.Asker{Principal: auth.From(r.Context()), From: r.RemoteAddr, Policy: a.Policy}
}

// key returns what names the container of a call.
func (a *API) key(r *http.Request, id containerID) key {
	return key{principal: auth.From(r.Context()).Name(), agent: r.PathValue("agent"), parent: id.parent, id: id.nested}
}
