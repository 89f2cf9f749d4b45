package logs

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// answerError gives an error of query.Logs its HTTP status. An ambiguous selector is
// answered here, with status 409 and the candidates.
func answerError(w http.ResponseWriter, r *http.Request, err error) error {
	var ambiguous *query.AmbiguousError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ambiguous):
		h := w.Header()
		h.Set("Content-Type", web.JSONType)
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusConflict)
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(struct {
			Error      string   `json:"error"`
			Candidates []string `json:"candidates"`
		}{ambiguous.Error() + ": give more of the name, or a glob for all", ambiguous.Candidates})
		return nil
	case errors.Is(err, query.ErrBadCursor), errors.Is(err, query.ErrBadLogQuery):
		return web.BadRequest("%v", err)
	case errors.Is(err, query.ErrNoSuchSource):
		return web.NotFound("%v: GET %s", err, whatThereIs(r))
	case errors.Is(err, query.ErrUnknownAgent):
		return web.NotFound("%v: GET /api/v1/agents lists all", err)
	case errors.Is(err, query.ErrNodeAway), errors.Is(err, query.ErrNoJournal), errors.Is(err, query.ErrLogsBusy):
		return &web.Error{Status: http.StatusServiceUnavailable, Message: err.Error()}
	}
	return err
}

// whatThereIs says where a request that names nothing finds names.
func whatThereIs(r *http.Request) string {
	switch q := r.URL.Query(); {
	case q.Has("container"), q.Has("task"), q.Has("framework"), q.Has("executor"), q.Has("application"):
		return "/api/v1/containers lists what runs"
	case q.Has("unit"):
		return "/api/v1/logs/values?field=_SYSTEMD_UNIT lists the units that have entries"
	}
	return "/api/v1/logs/boots lists the boots that have entries"
}

// missing returns the agents that did not answer, those that had no time to read all entries,
// and any other error.
func missing(err error) (away, unfinished []string, _ error) {
	away, unfinished = []string{}, []string{}
	var partial *query.PartialError
	if errors.As(err, &partial) {
		return append(away, partial.Away...), append(unfinished, partial.Unfinished...), nil
	}
	return away, unfinished, err
}
