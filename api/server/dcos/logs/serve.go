package logs

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/klauspost/compress/gzip"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/logstream"
)

// serve answers a query. A range that has no entry is answered with status 204.
func (a *API) serve(w http.ResponseWriter, r *http.Request, q *request, l *lines, contentType string) error {
	from, err := a.open(r, q)
	if errors.Is(err, query.ErrNoSuchSource) && q.quiet && !q.Follow {
		from, err = nothing{}, nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	l.most, l.cuts = longest(r, l.format), a.Streams.Cut
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Access-Control-Allow-Origin", "*")
	if q.Follow {
		h.Set("X-Accel-Buffering", "no")
		a.follow(w, r, from, l)
	}
	first, err := from.Next(r.Context())
	for err == nil && first.Entry == nil && first.Event == nil {
		first, err = from.Next(r.Context())
	}
	switch {
	case err == io.EOF:
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNoContent)
		return nil
	case err != nil:
		return err
	}
	a.copyAll(w, r, w, &peeked{from, &first}, l.append, q.max)
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

// peeked is a reader, the first record of which was read already.
type peeked struct {
	query.LogReader
	first *entry.Record
}

func (p *peeked) Next(ctx context.Context) (entry.Record, error) {
	if p.first != nil {
		rec := *p.first
		p.first = nil
		return rec, nil
	}
	return p.LogReader.Next(ctx)
}

// copyAll answers with all records, or at most limit entries if that is not 0. The bytes go
// to out, which is w or a writer to it.
func (a *API) copyAll(
	w http.ResponseWriter, r *http.Request, out io.Writer, from query.LogReader, enc logstream.Encode, limit int64,
) {
	if limit == 0 {
		limit = -1
	}
	s := a.Streams.Open(w, r, out, false, enc)
	_, err := s.Copy(r.Context(), from, limit)
	if s.Close(); err != nil {
		panic(http.ErrAbortHandler) // else the client would take a part for the whole
	}
}

// follow answers a stream: at once, also if there is nothing to send yet. It never ends the
// answer well, but closes the connection: DC/OS' clients come back then, and one of them
// hangs for ever if the answer has an end.
func (a *API) follow(w http.ResponseWriter, r *http.Request, from query.LogReader, l *lines) {
	s := a.Streams.Open(w, r, w, true, l.append)
	defer panic(http.ErrAbortHandler)
	defer s.Close()
	if s.Flush() == nil { // the header; the first line is of an entry, as DC/OS' own tests demand
		_, _ = s.Copy(r.Context(), from, -1) // says itself why it ends
	}
}

// download answers with a compressed file.
func (a *API) download(w http.ResponseWriter, r *http.Request, q *request, l *lines, name string) error {
	from, err := a.open(r, q)
	if err != nil {
		return err
	}
	defer from.Close()
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Disposition", "attachment; filename="+name+".log.gz")
	h.Set("Cache-Control", "no-cache")
	z := gzip.NewWriter(w)
	a.copyAll(w, r, z, from, l.append, q.max)
	if z.Close() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
