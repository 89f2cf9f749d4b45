package logs

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// defaultLimit is how many entries a range without a limit has. The original dumped the
// whole journal.
const defaultLimit = 10_000

// number returns a parameter that is a number of at least min, else def.
func number(q url.Values, name string, min, def int64) (int64, error) {
	s := q.Get(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < min {
		return 0, web.BadRequest("%s=%q is not a number from %d on", name, s, min)
	}
	return n, nil
}

// filters adds the filter parameters, FIELD:value, to a query. A value may contain colons.
func filters(q url.Values, lq *query.LogQuery) error {
	for _, f := range q["filter"] {
		name, value, ok := strings.Cut(f, ":")
		name = strings.ToUpper(name)
		if !ok || name == "" || strings.ContainsAny(name, "= +") {
			return web.BadRequest("filter=%q is not of the form FIELD:value", f)
		}
		lq.Matches = append(lq.Matches, name+"="+value)
	}
	return nil
}

// request is a query, and how many entries its answer has at most; 0 is no bound.
type request struct {
	query.LogQuery
	max   int64
	quiet bool // what it names may have no entries yet
}

// unlimited takes the default limit away.
func (q *request) unlimited() {
	if q.max = 0; !q.Tail {
		q.Limit = 0
	}
}

// v1Query reads the parameters of v1. The original reads from the entry of a cursor on,
// that entry included, and skips from there; without a cursor skip_prev counts from the
// end.
func (a *API) v1Query(r *http.Request, stream bool) (*request, error) {
	agent, err := a.agent(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	lq := &request{LogQuery: query.LogQuery{Agents: []string{agent}, Follow: stream, Scope: a.scope(r)}, quiet: true}
	if c := r.PathValue("container"); c != "" {
		lq.Containers = []string{c}
	}
	if err := filters(q, &lq.LogQuery); err != nil {
		return nil, err
	}
	if stream && (q.Has("limit") || q.Has("read_reverse")) {
		return nil, web.BadRequest("a stream has no limit and is not read in reverse")
	}
	if lq.max, err = number(q, "limit", 1, defaultLimit); err != nil {
		return nil, err
	}
	next, err := number(q, "skip_next", 0, 0)
	if err != nil {
		return nil, err
	}
	prev, err := number(q, "skip_prev", 0, 0)
	if err != nil {
		return nil, err
	}
	switch s := q.Get("read_reverse"); s {
	case "", "false", "0":
	case "true", "1":
		lq.Reverse = true
	default:
		return nil, web.BadRequest("read_reverse=%q is neither true nor false", s)
	}
	if lq.Cursor = q.Get("cursor"); stream {
		lq.max = 0
		if id := r.Header.Get("Last-Event-ID"); id != "" {
			lq.Cursor = id // after that event, whatever the parameters say
			return lq, nil
		}
	}
	lq.Skip, lq.Limit = next-prev, lq.max
	switch {
	case lq.Cursor == "" && lq.Skip < 0 && !lq.Reverse:
		last(&lq.LogQuery)
	case lq.Cursor != "" && lq.Reverse:
		lq.Skip++
	case lq.Cursor != "":
		lq.Skip--
	}
	return lq, nil
}

// last begins at the end, moved back by the entries that are skipped. The limit of the
// answer may be lower.
func last(q *query.LogQuery) {
	q.Tail, q.Limit, q.Skip = true, max(-q.Skip, 0), 0
}

// v2Query reads the parameters of v2: cursor=BEG, END or a cursor, and skip=±N. As in
// v1, the entry of a cursor is included.
func (a *API) v2Query(r *http.Request, follow bool) (*request, error) {
	agent, err := a.agent(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	lq := &request{LogQuery: query.LogQuery{Agents: []string{agent}, Follow: follow, Scope: a.scope(r)}}
	if lq.max, err = number(q, "limit", 1, defaultLimit); err != nil {
		return nil, err
	}
	if follow {
		lq.max = 0
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		lq.Cursor = id // clients that come back repeat their skip, which is done already
		return lq, nil
	}
	if lq.Skip, err = number(q, "skip", -1<<40, 0); err != nil {
		return nil, err
	}
	lq.Limit = lq.max
	switch c := q.Get("cursor"); c {
	case "":
		if lq.Skip < 0 {
			last(&lq.LogQuery)
		}
	case "BEG", "0":
	case "END":
		last(&lq.LogQuery)
	default:
		lq.Cursor = c
		lq.Skip--
	}
	return lq, nil
}
