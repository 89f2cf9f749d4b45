package server

import (
	"encoding/json"
	"net/http"

	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// readyz answers GET /readyz: status 200 if every part is ready, else 503 with the parts that
// are not.
func readyz(parts *ready.Parts) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var waiting []ready.Waiting
		if parts != nil {
			waiting = parts.Waiting()
		}
		if len(waiting) == 0 {
			return web.Healthz(w, r)
		}
		h := w.Header()
		h.Set("Content-Type", web.JSONType)
		h.Set("Cache-Control", "no-store")
		h.Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false) // people read it too
		answer := v1.NotReady{Error: "not ready: " + ready.Text(waiting)}
		for _, w := range waiting {
			answer.NotReady = append(answer.NotReady, v1.PartWaiting(w))
		}
		_ = enc.Encode(answer)
		return nil
	}
}
