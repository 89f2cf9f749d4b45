package logs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// Headers of answers.
const (
	// headerLimit is the number of entries to which the answer is limited.
	headerLimit = "Daytwo-Limit"
	// trailerMore is sent after the entries of a limited answer: "true" if there are more.
	trailerMore = "Daytwo-More"
)

// entries answers GET /api/v1/logs.
func (a *API) entries(w http.ResponseWriter, r *http.Request) error {
	ask, err := a.parse(r)
	if err != nil {
		return err
	}
	return a.answer(w, r, ask)
}

// answer sends the entries of a query.
func (a *API) answer(w http.ResponseWriter, r *http.Request, ask *request) error {
	ctx := r.Context()
	reader, err := a.o.Logs.Entries(ctx, ask.q)
	if err != nil {
		return err
	}
	defer reader.Close()
	h := w.Header()
	h.Set("Content-Type", ask.format.contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding")
	if ask.q.Follow {
		h.Set("X-Accel-Buffering", "no") // nginx hands on what comes, at once
	}
	if ask.limit >= 0 {
		h.Set(headerLimit, strconv.FormatInt(ask.limit, 10))
	}
	if ask.more {
		h.Set("Trailer", trailerMore)
	}
	if ask.download {
		h.Set("Content-Disposition", `attachment; filename="logs.`+ask.format.extension+`"`)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	a.stats.streams.Add(1)
	a.stats.opened.Add(1)
	defer a.stats.streams.Add(-1)
	s := newStream(a, w, r, ask)
	err = s.copy(ctx, reader)
	if s.close(); err != nil {
		panic(http.ErrAbortHandler) // the only way to tell the client that the rest is missing
	}
	if ask.more {
		h.Set(trailerMore, strconv.FormatBool(s.more))
	}
	return nil
}

// copy sends the records of a reader until it ends. An error means that the connection
// has to be closed: the client can go on at the last cursor.
func (s *stream) copy(ctx context.Context, reader query.LogReader) error {
	if s.ask.q.Follow {
		s.flush() // the header, also if nothing comes for long
	}
	for s.err() == nil {
		rec, err := reader.Next(ctx)
		switch {
		case err == io.EOF:
			return s.flush()
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.event(broken(err))
			return s.flush()
		case rec.Entry != nil:
			if s.ask.limit >= 0 && s.sent == s.ask.limit {
				s.more = true
				return s.flush()
			}
			s.entry(rec.Entry)
		case rec.Event != nil:
			s.event(rec.Event)
		default:
			s.ping()
		}
		if s.slow() {
			s.event(&entry.Event{
				Kind: entry.SlowReader, Time: s.a.o.Now().UnixMicro(),
				Message: "the entries were read too slowly: ask again from the last cursor",
			})
			return s.flush()
		}
	}
	return s.err()
}

// broken returns the event of a reader's error, after which nothing comes.
func broken(err error) *entry.Event {
	e := &entry.Event{Kind: entry.Unreadable, Message: "reading ended: " + err.Error()}
	if errors.Is(err, query.ErrNodeAway) {
		e.Kind = entry.NodeAway
	}
	return e
}
