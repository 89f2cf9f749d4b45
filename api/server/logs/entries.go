package logs

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/web"
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
	body, end := io.Writer(w), func() {}
	if !ask.q.Follow {
		body, end = web.Compressed(w, r)
	}
	s := a.o.Streams.Open(w, r, body, ask.q.Follow, ask.format.encode(ask.several()))
	if ask.q.Follow {
		s.Flush() // the header, also if nothing comes for long
	}
	more, err := s.Copy(ctx, reader, ask.limit)
	s.Close()
	end()
	if err != nil && !errors.Is(err, logstream.ErrBroken) {
		panic(http.ErrAbortHandler) // the only way to tell the client that the rest is missing
	}
	if ask.more {
		h.Set(trailerMore, strconv.FormatBool(more))
	}
	return nil
}
