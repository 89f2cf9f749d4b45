package server

import (
	"net/http"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
)

// checkpoints answers GET /api/v1/audit/checkpoints.
func (s *server) checkpoints(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "relay")
	if err != nil {
		return err
	}
	if s.Checkpoints == nil {
		return &web.Error{Status: http.StatusNotImplemented,
			Message: "this relay has no audit log: start it with --data DIR"}
	}
	relay := q.Get("relay")
	if relay != "" {
		if err := setting.CheckRelayID(relay); err != nil {
			return web.BadRequest("relay: %v", err)
		}
	}
	all, err := s.Checkpoints(r.Context(), relay)
	if err != nil {
		return &web.Error{Status: http.StatusServiceUnavailable,
			Message: "the checkpoints cannot be read from NATS: " + err.Error()}
	}
	doc := v1.Checkpoints{Checkpoints: make([]v1.Checkpoint, len(all))}
	for i, c := range all {
		doc.Checkpoints[i] = v1.Checkpoint{Relay: c.Relay, Time: c.Time, Number: c.Seq, Hash: c.Hash}
	}
	return web.WriteJSON(w, r, doc)
}
