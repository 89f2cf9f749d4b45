package logs

import (
	"net/http"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/server/web"
)

func (a *API) v1Range(w http.ResponseWriter, r *http.Request) error { return a.v1(w, r, false) }

func (a *API) v1Stream(w http.ResponseWriter, r *http.Request) error { return a.v1(w, r, true) }

func (a *API) v1(w http.ResponseWriter, r *http.Request, stream bool) error {
	q, err := a.v1Query(r, stream)
	if err != nil {
		return err
	}
	for _, name := range []string{"skip_next", "skip_prev"} {
		if v := r.URL.Query().Get(name); v != "" {
			w.Header().Set("X-Journal-"+strings.ReplaceAll(name, "_", "-"), v)
		}
	}
	f, contentType := accepted(r)
	return a.serve(w, r, q, &lines{format: f, ids: stream, agent: q.Agents[0]}, contentType)
}

// v1Download answers with a range as a compressed file of text.
func (a *API) v1Download(w http.ResponseWriter, r *http.Request) error {
	q, err := a.v1Query(r, false)
	if err != nil {
		return err
	}
	if !r.URL.Query().Has("limit") {
		q.unlimited()
	}
	name := "root-range"
	if c := r.PathValue("container"); c != "" {
		name = "task-" + fileName(c)
	}
	if postfix := r.URL.Query().Get("postfix"); postfix != "" {
		name += "-" + fileName(postfix)
	}
	return a.download(w, r, q, &lines{agent: q.Agents[0]}, name)
}

// fileName returns s without what has a meaning in a header or in a path.
func fileName(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c) {
			return c
		}
		return '_'
	}, s[:min(len(s), 200)])
}

// valueFields are the fields whose values v1/fields tells.
var valueFields = []string{"FRAMEWORK_ID", "AGENT_ID", "EXECUTOR_ID", "CONTAINER_ID", "STREAM"}

// maxValues bounds the values of an answer.
const maxValues = 10_000

func (a *API) fieldValues(w http.ResponseWriter, r *http.Request) error {
	field := strings.ToUpper(r.PathValue("field"))
	if !slices.Contains(valueFields, field) {
		return web.BadRequest("the values of %s cannot be listed: use one of %s", field, strings.Join(valueFields, ", "))
	}
	q, err := a.v1Query(r, false)
	if err != nil {
		return err
	}
	q.Limit = 0
	values, err := a.Logs.Values(r.Context(), &q.LogQuery, field, maxValues)
	if err != nil {
		return err
	}
	if len(values) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return web.WriteJSON(w, r, values)
}
