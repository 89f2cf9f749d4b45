package logs

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/server/web"
)

// component answers with the entries of a systemd unit, or of all.
func (a *API) component(w http.ResponseWriter, r *http.Request) error {
	f, contentType := accepted(r)
	q, err := a.v2Query(r, f == events)
	if err != nil {
		return err
	}
	q.quiet = true
	if unit := r.PathValue("unit"); unit != "" {
		q.Units = []string{unit}
	}
	// The original joined unit and filter by "or"; here both are needed.
	if err := filters(r.URL.Query(), &q.LogQuery); err != nil {
		return err
	}
	return a.serve(w, r, q, &lines{format: f, ids: true, agent: q.Agents[0]}, contentType)
}

// fileQuery returns the query of a task's file, which is one of its two streams.
func (a *API) fileQuery(r *http.Request, follow bool) (*request, string, error) {
	q, err := a.v2Query(r, follow)
	if err != nil {
		return nil, "", err
	}
	again := r.Header.Get("Last-Event-ID") != ""
	if again && !follow {
		q.max = defaultLimit // as in the original, no other parameter counts
	}
	file := r.PathValue("file")
	if file != "stdout" && file != "stderr" {
		return nil, "", web.NotFound("a task has the files stdout and stderr, and not %q", file)
	}
	q.Containers = []string{r.PathValue("container")}
	q.Matches = []string{"STREAM=" + strings.ToUpper(file)}
	if offset, err := strconv.ParseInt(q.Cursor, 10, 64); err == nil && offset >= 0 {
		before, err := a.Sizes.before(r.Context(), a.Logs, fileQuery(q.Agents[0], q.Containers[0], file, q.Scope), offset)
		if err != nil {
			return nil, "", err
		}
		if q.Cursor = before; !again {
			q.Skip++ // reading begins after the cursor here, and not with its entry
		}
	}
	return q, file, nil
}

// taskFile answers with the lines of a task's file. A cursor may be a number of bytes, as in
// the original: reading begins with the line that the byte belongs to.
func (a *API) taskFile(w http.ResponseWriter, r *http.Request) error {
	f, contentType := accepted(r)
	q, file, err := a.fileQuery(r, f == events)
	if err != nil {
		return err
	}
	return a.serve(w, r, q, &lines{format: f, plain: true, ids: true, file: file, agent: q.Agents[0]}, contentType)
}

func (a *API) taskDownload(w http.ResponseWriter, r *http.Request) error {
	q, file, err := a.fileQuery(r, false)
	if err != nil {
		return err
	}
	if !r.URL.Query().Has("limit") {
		q.unlimited()
	}
	return a.sendFile(w, r, q, file)
}

// taskBrowse lists the files of a task.
func (a *API) taskBrowse(w http.ResponseWriter, r *http.Request) error {
	agent, err := a.agent(r)
	if err != nil {
		return err
	}
	t := Task{Agent: agent, Framework: r.PathValue("framework"), Executor: r.PathValue("executor"),
		Container: r.PathValue("container")}
	return a.browseContainer(w, r, agent, t.Container, t.Directory())
}

// discovery returns the routes that redirect to the agent of a task.
func (a *API) discovery() []web.Route {
	const task = "/system/v1/logs/v2/task/{task}"
	var routes []web.Route
	for _, rest := range []string{"", "/file/{file}", "/browse", "/download", "/file/{file}/download"} {
		routes = append(routes, web.Route{Method: "GET", Path: task + rest, Handle: a.redirect})
	}
	return routes
}

// redirect answers with the URL of a task's file on its agent, with status 303.
func (a *API) redirect(w http.ResponseWriter, r *http.Request) error {
	t, err := a.find(r, r.PathValue("task"))
	if err != nil {
		return err
	}
	file := r.PathValue("file")
	if file == "" {
		file = "stdout"
	}
	to := t.logPath()
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/browse"):
		to += "/files/browse"
	case strings.HasSuffix(path, "/download"):
		to += "/" + url.PathEscape(file) + "/download"
	default:
		to += "/" + url.PathEscape(file)
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// logPath returns the path of a task's files in the log routes.
func (t *Task) logPath() string {
	e := url.PathEscape
	return "/system/v1/agent/" + e(t.Agent) + "/logs/v2/task/frameworks/" + e(t.Framework) + "/executors/" +
		e(t.Executor) + "/runs/" + e(t.Container)
}
