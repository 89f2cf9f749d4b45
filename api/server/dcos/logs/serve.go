package logs

import (
	"context"
	"io"
	"net/http"

	"github.com/klauspost/compress/gzip"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// flushFrom is how many bytes of a range are collected before they are written.
const flushFrom = 32 << 10

// serve answers a query. A range that has no entry is answered with status 204.
func (a *API) serve(w http.ResponseWriter, r *http.Request, q *request, l *lines, contentType string) error {
	l.left = q.max
	from, err := a.open(r, q)
	if err != nil {
		return err
	}
	defer from.Close()
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Access-Control-Allow-Origin", "*")
	if q.Follow {
		h.Set("X-Accel-Buffering", "no")
		return follow(web.NewStream(w), r, from, l)
	}
	rec, err := from.Next(r.Context())
	for err == nil && rec.Entry == nil && rec.Event == nil {
		rec, err = from.Next(r.Context())
	}
	switch {
	case err == io.EOF:
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNoContent)
		return nil
	case err != nil:
		return err
	}
	s := web.NewStream(w)
	if err := copyAll(r.Context(), s, from, l, rec); err != nil {
		panic(http.ErrAbortHandler) // else the client would take a part for the whole
	}
	return nil
}

// open begins to read what a request asks for.
func (a *API) open(r *http.Request, q *request) (query.LogReader, error) {
	if q.Tail && q.Limit == 0 && !q.Follow {
		return nothing{}, nil // the end of what there is
	}
	return a.Logs.Entries(r.Context(), &q.LogQuery)
}

// nothing is a query without entries.
type nothing struct{}

func (nothing) Next(context.Context) (entry.Record, error) { return entry.Record{}, io.EOF }

func (nothing) Close() error { return nil }

// copyAll writes all records, the first of which was read already.
func copyAll(ctx context.Context, w io.Writer, from query.LogReader, l *lines, rec entry.Record) error {
	for {
		if rec.Entry != nil || rec.Event != nil {
			l.b = l.append(l.b, rec)
		}
		if len(l.b) >= flushFrom {
			if _, err := w.Write(l.b); err != nil {
				return err
			}
			l.b = l.b[:0]
		}
		var err error
		if rec, err = from.Next(ctx); l.full() {
			err = io.EOF
		}
		if err == io.EOF {
			_, err = w.Write(l.b)
			return err
		}
		if err != nil {
			return err
		}
	}
}

// follow answers a stream: at once, also if there is nothing to send yet. It never ends the
// answer well, but closes the connection: DC/OS' clients come back then, and one of them
// hangs for ever if the answer has an end.
func follow(s *web.Stream, r *http.Request, from query.LogReader, l *lines) error {
	defer panic(http.ErrAbortHandler)
	if l.format == events {
		if _, err := io.WriteString(s, ": ping\n\n"); err != nil {
			return nil
		}
	}
	if s.Flush() != nil {
		return nil
	}
	_ = s.Pump(func(dst []byte) ([]byte, error) {
		rec, err := from.Next(r.Context())
		if err != nil {
			return dst, err
		}
		return l.append(dst, rec), nil
	})
	return nil
}

// download answers with a compressed file.
func (a *API) download(w http.ResponseWriter, r *http.Request, q *request, l *lines, name string) error {
	l.left = q.max
	from, err := a.open(r, q)
	if err != nil {
		return err
	}
	defer from.Close()
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.log.gz"`)
	h.Set("Cache-Control", "no-cache")
	z := gzip.NewWriter(web.NewStream(w))
	if err := copyAll(r.Context(), z, from, l, entry.Record{}); err != nil || z.Close() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
