package logs

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// request is what /api/v1/logs is asked for.
type request struct {
	q        *query.LogQuery
	format   *format
	download bool
	limit    int64 // of the answer; -1 is none
	more     bool  // q.Limit is one more than limit, to see whether there is more
}

// parse reads the parameters of /api/v1/logs.
func (a *API) parse(r *http.Request) (*request, error) {
	q, err := parseParams(r, "limit", "cursor", "order", "follow", "fields", "tail", "skip", "format", "download")
	if err != nil {
		return nil, err
	}
	out := &request{}
	if out.q, err = a.selected(r, q); err != nil {
		return nil, err
	}
	if out.format, err = chooseFormat(r, q.Get("format")); err != nil {
		return nil, err
	}
	if out.download, err = boolParam(q, "download"); err != nil {
		return nil, err
	}
	if err := out.way(r, q); err != nil {
		return nil, err
	}
	if out.q.Fields, err = list(q, "fields"); err != nil {
		return nil, err
	}
	for _, name := range out.q.Fields {
		if !fieldName(name) {
			return nil, web.BadRequest("fields: %q is no name of a field", name)
		}
	}
	if out.q.Fields == nil {
		out.q.Fields = out.format.fields
	}
	return out, nil
}

// way reads where reading begins, and in which direction it goes.
func (out *request) way(r *http.Request, q url.Values) (err error) {
	ask := out.q
	if ask.Follow, err = boolParam(q, "follow"); err != nil {
		return err
	}
	if ask.Tail, err = boolParam(q, "tail"); err != nil {
		return err
	}
	switch v := q.Get("order"); v {
	case "", "asc":
	case "desc":
		ask.Reverse = true
	default:
		return web.BadRequest("order=%q: use asc or desc", v)
	}
	if ask.Skip, _, err = intParam(q, "skip"); err != nil {
		return err
	}
	all := q.Get("limit") == "all"
	if all {
		q.Del("limit")
	}
	limit, limited, err := intParam(q, "limit")
	if err != nil {
		return err
	}
	if limit < 0 {
		return web.BadRequest("limit=%d: use a number from 0 on, or leave it out", limit)
	}
	ask.Cursor = q.Get("cursor")
	last := r.Header.Get("Last-Event-ID")
	if len(last) > maxCursor {
		return web.BadRequest("Last-Event-ID is longer than %d bytes", maxCursor)
	}
	if last != "" { // a browser repeats the parameters of the first request
		ask.Cursor, ask.Skip = last, 0
	}
	switch {
	case ask.Follow && (ask.Reverse || out.download):
		return web.BadRequest("follow=1 goes neither with order=desc nor with download=1")
	case ask.Follow && ask.Cursor != "": // everything after the cursor: a limit would make a gap
		ask.Tail, out.limit = false, -1
	case all:
		ask.Tail, out.limit = false, -1
	case ask.Follow && limited:
		ask.Tail, ask.Limit, out.limit = true, limit, -1
	case ask.Follow && ask.Since != 0 && !ask.Tail:
		out.limit = -1
	case ask.Follow:
		ask.Tail, ask.Limit, out.limit = true, followLimit, -1
	default:
		out.bound(limit, limited)
	}
	return nil
}

// bound sets the limit of a query that does not follow.
func (out *request) bound(limit int64, limited bool) {
	switch {
	case limited:
		out.limit = limit
	case out.download || out.format.whole:
		out.limit = -1
	default:
		out.limit = defaultLimit
	}
	ask := out.q
	ask.Tail = ask.Tail && !ask.Reverse && out.limit >= 0
	switch {
	case out.limit < 0:
	case ask.Tail:
		ask.Limit = max(out.limit, 1)
	default:
		ask.Limit, out.more = out.limit+1, true
	}
}

// several reports whether the entries may come from several containers, so that text has
// to say from which one each is.
func (out *request) several() bool {
	one := func(list []string) bool { return len(list) == 1 && !strings.ContainsAny(list[0], "*?[") }
	return !one(out.q.Containers) && !one(out.q.Tasks)
}
