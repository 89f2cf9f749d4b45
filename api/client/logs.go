package client

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// Reconnecting is the Event of an entry that Logs makes itself: the connection to the
// relay broke, and Logs opens it again at the last cursor. Nothing is missing.
const Reconnecting = "reconnecting"

// How Logs opens a broken stream again.
const (
	firstPause  = 100 * time.Millisecond // before the first attempt; doubled at each next one
	longPause   = 5 * time.Second        // at most
	giveUpAfter = 30 * time.Second       // of a query that does not follow
)

// Logs reads log entries: the parameters are those of /api/v1/logs, without format. The
// entries and events come in order; an error is the last thing that comes. A stream that
// breaks goes on after the last entry: a query that follows tries again until ctx ends,
// any other one for half a minute. The first request is not tried again.
func (c *Client) Logs(ctx context.Context, q url.Values) iter.Seq2[*v1.LogEntry, error] {
	return func(yield func(*v1.LogEntry, error) bool) {
		f := c.newFollower(q, "text/event-stream", func(r io.Reader, heard func()) func() (logRecord, error) {
			events := newEventReader(r, heard)
			return func() (logRecord, error) {
				e, err := events.next()
				return logRecord{LogEntry: e}, err
			}
		})
		f.yield = func(rec logRecord) bool { return yield(rec.LogEntry, nil) }
		if err := f.run(ctx); err != nil {
			yield(nil, err)
		}
	}
}

// logRecord is an entry or event of a stream.
type logRecord struct {
	*v1.LogEntry        // of one in the export format only its Cursor and its Event
	export       []byte // in the export format, valid until the next one; nil for what this client says itself
}

// logFollower is one call of Logs or LogsExport.
type logFollower struct {
	c      *Client
	q      url.Values
	accept string
	decode func(body io.Reader, heard func()) (next func() (logRecord, error))
	yield  func(logRecord) bool
	follow bool
	limit  int64  // of a query that does not follow; 0 is the server's default
	got    int64  // entries
	cursor string // of the last entry
	since  string // the server's time when the first stream began
	ended  bool   // the caller wants no more, or the server said that no more comes
	slow   bool   // the server cut the stream off
}

func (c *Client) newFollower(
	q url.Values, accept string, decode func(body io.Reader, heard func()) (next func() (logRecord, error)),
) *logFollower {
	f := &logFollower{c: c, q: cloneValues(q), accept: accept, decode: decode, follow: isTrue(q, "follow")}
	f.limit, _ = strconv.ParseInt(q.Get("limit"), 10, 64)
	return f
}

func (f *logFollower) run(ctx context.Context) error {
	first := true
	var broken time.Time // when the stream broke; zero while it works
	pause := firstPause
	for {
		before := f.got
		err := f.stream(ctx)
		switch {
		case f.ended:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case first && f.since == "":
			return err // it has never worked
		case err == nil && !f.slow:
			return nil
		case err != nil && !temporary(err):
			return err
		}
		first = false
		if f.got > before || broken.IsZero() {
			broken, pause = time.Now(), firstPause
			why := "the server cut the stream off because it was read too slowly"
			if err != nil {
				why = err.Error()
			}
			e := &v1.LogEntry{Event: Reconnecting, Realtime: broken.UnixMicro()}
			if e.Message = "the stream broke, and goes on: " + why; !f.yield(logRecord{LogEntry: e}) {
				return nil
			}
		} else if !f.follow && time.Since(broken) > giveUpAfter {
			return err
		}
		if !f.resume() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

// resume changes the query so that it continues after the last entry. It reports whether
// anything is left to ask for.
func (f *logFollower) resume() bool {
	f.slow = false
	if f.cursor == "" {
		if f.follow && !f.q.Has("since") && !f.q.Has("cursor") && f.q.Get("limit") == "0" {
			f.q.Set("since", f.since) // nothing of the past was wanted
			f.q.Del("limit")
			f.q.Del("tail")
		}
		return true
	}
	f.q.Set("cursor", f.cursor)
	f.q.Del("skip")
	if f.follow {
		f.q.Del("limit")
		f.q.Del("tail")
	} else if f.limit > 0 {
		if f.got >= f.limit {
			return false
		}
		f.q.Set("limit", strconv.FormatInt(f.limit-f.got, 10))
	}
	return true
}

// stream reads one stream to its end, and returns nil if the server ended it.
func (f *logFollower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := f.c.openLogs(ctx, f.q, f.accept)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if f.since == "" {
		f.since = "@" + strconv.FormatInt(time.Now().Unix(), 10)
		if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			f.since = "@" + strconv.FormatInt(t.Unix(), 10)
		}
	}
	heard := func() {}
	if f.accept == "text/event-stream" { // which has comments, so that there is a sign of life
		silent := time.AfterFunc(maxSilence, cancel)
		defer silent.Stop()
		heard = func() { silent.Reset(maxSilence) }
	}
	next := f.decode(resp.Body, heard)
	for {
		e, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case e.Event == "slow_reader":
			f.slow = true
		case e.Event == "":
			f.got++
		}
		if e.Cursor != "" {
			f.cursor = e.Cursor
		}
		if !f.yield(e) {
			f.ended = true
			return nil
		}
	}
}

// LogsRaw reads log entries in a format of /api/v1/logs, by its content type: "text/plain",
// "application/x-ndjson", "text/event-stream" or "application/vnd.fdo.journal". The
// caller closes the stream.
func (c *Client) LogsRaw(ctx context.Context, q url.Values, accept string) (io.ReadCloser, error) {
	resp, err := c.openLogs(ctx, q, accept)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// openLogs sends a request for a stream, which has no deadline.
func (c *Client) openLogs(ctx context.Context, q url.Values, accept string) (*http.Response, error) {
	req, err := c.request(ctx, "/api/v1/logs", q)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	resp, err := c.streams.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, answerError(resp)
	}
	return resp, nil
}

// temporary reports whether a request may work when it is sent again.
func temporary(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusBadGateway ||
			e.Status == http.StatusGatewayTimeout || e.Status == http.StatusTooManyRequests
	}
	return true
}

// LogFields returns the names of the fields of matching entries.
func (c *Client) LogFields(ctx context.Context, q url.Values) (*v1.LogFields, error) {
	return getLogs[v1.LogFields](ctx, c, "/api/v1/logs/fields", q)
}

// LogValues returns the values that the field q["field"] has in matching entries.
func (c *Client) LogValues(ctx context.Context, q url.Values) (*v1.LogValues, error) {
	return getLogs[v1.LogValues](ctx, c, "/api/v1/logs/values", q)
}

// LogHistogram counts matching entries in intervals of q["step"].
func (c *Client) LogHistogram(ctx context.Context, q url.Values) (*v1.LogHistogram, error) {
	return getLogs[v1.LogHistogram](ctx, c, "/api/v1/logs/histogram", q)
}

// LogBoots returns the boots that have matching entries, oldest first.
func (c *Client) LogBoots(ctx context.Context, q url.Values) (*v1.LogBoots, error) {
	return getLogs[v1.LogBoots](ctx, c, "/api/v1/logs/boots", q)
}

func getLogs[T any](ctx context.Context, c *Client, path string, q url.Values) (*T, error) {
	var answer T
	if _, err := c.get(ctx, path, q, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

func cloneValues(q url.Values) url.Values {
	c := url.Values{}
	for k, v := range q {
		c[k] = append([]string(nil), v...)
	}
	return c
}

// isTrue reports whether a boolean parameter is set.
func isTrue(q url.Values, name string) bool {
	switch v := q.Get(name); v {
	case "1", "true":
		return true
	default:
		return v == "" && q.Has(name)
	}
}
