package logs

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// gatewayEntries answers GET /api/v1/logs/entries as systemd-journal-gatewayd(8) answers
// /entries, so that "systemd-journal-remote --url https://RELAY/api/v1/logs" can pull from
// it: boot and follow are flags, FIELD=value a match, and the header Range has
// "entries=cursor[[:skip]:count]". It takes the parameters of /api/v1/logs as well. Without
// a limit it has all entries.
func (a *API) gatewayEntries(w http.ResponseWriter, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return web.BadRequest("the query cannot be read: %v", err)
	}
	for name, values := range q {
		switch {
		case fieldName(name):
			for _, v := range values {
				q.Add("match", name+"="+v)
			}
			q.Del(name)
		case name == "discrete":
			return web.BadRequest("discrete is not served here: use cursor and limit")
		}
	}
	if v := r.Header.Get("Range"); v != "" {
		if err := readRange(q, v); err != nil {
			return err
		}
	}
	u := *r.URL
	u.RawQuery = q.Encode()
	r = r.Clone(r.Context())
	r.URL = &u
	ask, err := a.parse(r)
	if err != nil {
		return err
	}
	if ask.q.Cursor != "" && r.Header.Get("Range") != "" {
		if err := a.beginAt(r.Context(), ask.q); err != nil {
			return err
		}
	}
	if q.Get("limit") == "" && !ask.q.Follow {
		ask.limit, ask.more, ask.q.Limit, ask.q.Tail = -1, false, 0, false
	}
	if q.Get("limit") == "" && ask.q.Follow {
		ask.q.Limit, ask.q.Tail = 0, false // from the beginning, as the daemon does
	}
	return a.answer(w, r, ask)
}

// beginAt corrects where a query begins whose cursor is of an entry that does not match: there
// is none to step back to, and the next one that matches is the first.
func (a *API) beginAt(ctx context.Context, q *query.LogQuery) error {
	at := *q
	at.Skip, at.Limit, at.Tail, at.Follow, at.Fields = -1, 1, false, false, []string{"PRIORITY"}
	reader, err := a.o.Logs.Entries(ctx, &at)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		rec, err := reader.Next(ctx)
		switch {
		case err != nil && err != io.EOF:
			return err
		case err == nil && rec.Entry == nil:
			continue
		case err == io.EOF || entry.CursorID(rec.Entry.Cursor) != entry.CursorID(q.Cursor):
			q.Skip++
		}
		return nil
	}
}

// readRange reads "entries=cursor[[:skip]:count]". A cursor has no colon in it.
func readRange(q url.Values, v string) error {
	bad := web.BadRequest("Range: %s: use entries=CURSOR[[:SKIP]:COUNT]", v)
	rest, ok := strings.CutPrefix(v, "entries=")
	parts := strings.Split(rest, ":")
	if !ok || len(parts) > 3 {
		return bad
	}
	var skip, count int64
	var err error
	if len(parts) == 3 && parts[1] != "" {
		if skip, err = strconv.ParseInt(parts[1], 10, 32); err != nil {
			return bad
		}
	}
	if last := parts[len(parts)-1]; len(parts) > 1 && last != "" {
		if count, err = strconv.ParseInt(last, 10, 32); err != nil || count < 1 {
			return bad
		}
	}
	switch {
	case parts[0] != "": // the daemon's answer begins with the entry of the cursor, this one's after it
		q.Set("cursor", parts[0])
		skip--
	case skip < 0: // back from the end: -1 is the entry before the last one, as of the daemon
		q.Set("tail", "1")
		skip--
		if count == 0 || count > -skip {
			count = -skip
		}
		skip += count
	}
	q.Set("skip", strconv.FormatInt(skip, 10))
	if count > 0 {
		q.Set("limit", strconv.FormatInt(count, 10))
	}
	return nil
}
