package sessions

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// maxReason bounds the body of a request that denies a session, bytes.
const maxReason = 4096

// requests answers GET /api/v1/session-requests.
func (a *API) requests(w http.ResponseWriter, r *http.Request) error {
	if a.Approvals == nil {
		return errOff
	}
	all, err := a.Approvals.Requests(r.Context(), a.asker(r))
	if err != nil {
		return answer(err)
	}
	doc := v1.SessionPending{Requests: make([]v1.SessionPendingRequest, len(all))}
	for i := range all {
		p := &all[i]
		doc.Requests[i] = v1.SessionPendingRequest{Session: p.Session, Agent: p.Agent, ContainerID: p.Container.ID,
			Tags: p.Tags, User: p.Principal, From: p.From, Command: p.Command, Rights: p.Rights, Reason: p.Reason,
			For: p.For, Asked: p.Asked.UTC(), Until: p.Until.UTC(), Yours: p.Yours}
		if p.Container.Started != 0 {
			doc.Requests[i].Started = time.Unix(0, p.Container.Started).UTC()
		}
	}
	return web.WriteJSON(w, r, doc)
}

// approve answers POST /api/v1/session-requests/{id}/approve.
func (a *API) approve(w http.ResponseWriter, r *http.Request) error {
	if a.Approvals == nil {
		return errOff
	}
	if err := a.Approvals.Approve(r.Context(), a.asker(r), r.PathValue("id")); err != nil {
		return answer(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deny answers POST /api/v1/session-requests/{id}/deny.
func (a *API) deny(w http.ResponseWriter, r *http.Request) error {
	if a.Approvals == nil {
		return errOff
	}
	var q v1.SessionDenial
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReason)).Decode(&q)
	if err != nil && !errors.Is(err, io.EOF) {
		return web.BadRequest("the body has to be JSON, as in {\"reason\":\"…\"}, of at most %d bytes: %v", maxReason, err)
	}
	if err := a.Approvals.Deny(r.Context(), a.asker(r), r.PathValue("id"), q.Reason); err != nil {
		return answer(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
