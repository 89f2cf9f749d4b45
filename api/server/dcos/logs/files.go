package logs

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// files returns the files API of an agent, as Mesos has it.
func (a *API) files() []web.Route {
	var routes []web.Route
	for _, agent := range []string{"/slave/{agent}", "/agent/{agent}"} {
		for _, suffix := range []string{"", ".json"} {
			routes = append(routes,
				web.Route{Method: "GET", Path: agent + "/files/browse" + suffix, Handle: a.browse},
				web.Route{Method: "GET", Path: agent + "/files/read" + suffix, Handle: a.read},
				web.Route{Method: "GET", Path: agent + "/files/download" + suffix, Stream: true, Handle: a.downloadFile},
				web.Route{Method: "GET", Path: agent + "/files/debug" + suffix, Handle: a.debug})
		}
	}
	return routes
}

// sandbox is where the directories of tasks seem to be.
const sandbox = "/var/lib/mesos/slave/slaves/"

// Directory returns the directory in which clients look for a task's files.
func (t *Task) Directory() string {
	return sandbox + t.Agent + "/frameworks/" + t.Framework + "/executors/" + t.Executor + "/runs/" + t.Container
}

// parsePath reads a path in such a directory. file is "" for the directory itself.
func parsePath(path string) (agent, container, file string, ok bool) {
	rest, ok := strings.CutPrefix(path, sandbox)
	if !ok {
		return "", "", "", false
	}
	agent, rest, _ = strings.Cut(rest, "/")
	_, rest, ok = strings.Cut(rest, "/runs/")
	container, file, _ = strings.Cut(rest, "/")
	file = strings.Trim(file, "/")
	if file == "." {
		file = ""
	}
	return agent, container, file, ok && agent != "" && container != ""
}

// path reads the path parameter, which has to be on the agent of the URL.
func (a *API) path(r *http.Request) (agent, container, file string, err error) {
	if agent, err = a.agent(r); err != nil {
		return "", "", "", err
	}
	p := r.URL.Query().Get("path")
	if p == "" {
		return "", "", "", web.BadRequest("path= is missing")
	}
	of, container, file, ok := parsePath(p)
	if !ok || of != agent || file != "" && file != "stdout" && file != "stderr" {
		return "", "", "", web.NotFound("no such file or directory on this agent: %s", p)
	}
	return agent, container, file, nil
}

func (a *API) browse(w http.ResponseWriter, r *http.Request) error {
	agent, container, file, err := a.path(r)
	if err != nil {
		return err
	}
	if file != "" {
		return web.NotFound("%s is no directory", file)
	}
	return a.browseContainer(w, r, agent, container, strings.TrimRight(r.URL.Query().Get("path"), "/."))
}

// item is a file in a listing.
type item struct {
	GID   string  `json:"gid"`
	Mode  string  `json:"mode"`
	MTime float64 `json:"mtime"` // seconds since 1970
	NLink int     `json:"nlink"`
	Path  string  `json:"path"`
	Size  int64   `json:"size"` // bytes
	UID   string  `json:"uid"`
}

// browseContainer lists the files of a container that runs or has entries.
func (a *API) browseContainer(w http.ResponseWriter, r *http.Request, agent, container, dir string) error {
	_, running := a.Running(agent, container)
	items := []item{}
	for _, file := range []string{"stderr", "stdout"} {
		size, newest, err := a.Sizes.of(r.Context(), a.Logs, fileQuery(agent, container, file, a.scope(r)))
		if err != nil {
			return err
		}
		if size > 0 || running {
			items = append(items, item{GID: "root", UID: "root", Mode: "-rw-r--r--", NLink: 1,
				MTime: float64(newest / 1e6), Path: dir + "/" + file, Size: size})
		}
	}
	if len(items) == 0 {
		return web.NotFound("no container %s on this agent runs or has entries left", container)
	}
	return web.WriteJSON(w, r, items)
}

// fileQuery selects the lines of a file.
func fileQuery(agent, container, file string, scope *query.LogScope) *query.LogQuery {
	return &query.LogQuery{Agents: []string{agent}, Containers: []string{container},
		Matches: []string{"STREAM=" + strings.ToUpper(file)}, Fields: []string{"MESSAGE"}, Scope: scope}
}

// maxRead is the most that a read answers, as in Mesos: 16 pages of 4 KiB.
const maxRead = 64 << 10

// read answers with a part of a file: {"data", "offset"}. With the offset -1 it answers
// with the size of the file.
func (a *API) read(w http.ResponseWriter, r *http.Request) error {
	agent, container, file, err := a.path(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	offset, err := number(q, "offset", -1, -1)
	if err != nil {
		return err
	}
	length, err := number(q, "length", -1, maxRead)
	if err != nil {
		return err
	}
	if length < 0 || length > maxRead {
		length = maxRead
	}
	if file == "" {
		return web.BadRequest("path= names a directory")
	}
	answer := struct {
		Data   string `json:"data"`
		Offset int64  `json:"offset"`
	}{Offset: offset}
	lq := fileQuery(agent, container, file, a.scope(r))
	if offset < 0 {
		if answer.Offset, _, err = a.Sizes.of(r.Context(), a.Logs, lq); err != nil {
			return err
		}
		return web.WriteJSON(w, r, answer)
	}
	data, err := a.Sizes.read(r.Context(), a.Logs, lq, offset, int(length))
	if err != nil {
		return err
	}
	// A character that the end of the part cuts comes whole with the next one.
	for cut := 0; cut < utf8.UTFMax && cut < len(data) && int64(len(data)) == length; cut++ {
		if last := data[len(data)-1-cut:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) && len(data) > len(last) {
				data = data[:len(data)-len(last)]
			}
			break
		}
	}
	answer.Data = strings.ToValidUTF8(string(data), "\ufffd")
	return web.WriteJSON(w, r, answer)
}

func (a *API) downloadFile(w http.ResponseWriter, r *http.Request) error {
	agent, container, file, err := a.path(r)
	if err != nil {
		return err
	}
	if file == "" {
		return web.BadRequest("path= names a directory")
	}
	return a.sendFile(w, r, &request{LogQuery: *fileQuery(agent, container, file, a.scope(r))}, file)
}

// sendFile answers with the lines of a file, as they were written.
func (a *API) sendFile(w http.ResponseWriter, r *http.Request, q *request, file string) error {
	from, err := a.open(r, q)
	if err != nil {
		return err
	}
	defer from.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment; filename="+file)
	a.copyAll(w, r, w, from, func(dst []byte, rec entry.Record) []byte {
		if rec.Entry == nil {
			return dst // a file has no place for events
		}
		message, _ := rec.Entry.Get("MESSAGE")
		return append(append(dst, message...), '\n')
	}, q.max)
	return nil
}

// debug answers with the directories of all containers that run on an agent, by the paths
// that Mesos gives them.
func (a *API) debug(w http.ResponseWriter, r *http.Request) error {
	agent, err := a.agent(r)
	if err != nil {
		return err
	}
	dirs := map[string]string{}
	for _, t := range a.Tasks(agent) {
		dirs["/frameworks/"+t.Framework+"/executors/"+t.Executor+"/runs/"+t.Container] = t.Directory()
	}
	return web.WriteJSON(w, r, dirs)
}
