package logstream

import (
	"context"
	"errors"
	"io"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// ErrBroken is wrapped by errors of reading entries that an event has reported to the
// client.
var ErrBroken = errors.New("the entries end early")

// Copy sends the records of a reader until it ends, at most limit entries; -1 is no limit.
// more says that the reader has more entries than that. An error that wraps ErrBroken was
// reported to the client. After any other error the caller has to close the connection, so
// that the client notices that the answer is not whole.
func (st *Stream) Copy(ctx context.Context, from query.LogReader, limit int64) (more bool, err error) {
	for st.err() == nil {
		rec, err := from.Next(ctx)
		switch {
		case err == io.EOF:
			return false, st.Flush()
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			return false, st.broken(err)
		case rec.Entry != nil && limit >= 0 && st.sent == limit:
			return true, st.Flush()
		}
		if st.Send(rec); st.slow() {
			st.Send(entry.Record{Event: &entry.Event{
				Kind: entry.SlowReader, Message: "the entries were read too slowly: ask again from the last cursor",
			}})
			if err := st.Flush(); err != nil {
				return false, err
			}
			return false, ErrBroken
		}
	}
	return false, st.err()
}

// broken tells the client of a reader's error, after which nothing comes.
func (st *Stream) broken(err error) error {
	e := &entry.Event{Kind: entry.Unreadable, Message: "reading ended: " + err.Error()}
	if errors.Is(err, query.ErrNodeAway) {
		e.Kind = entry.NodeAway
	}
	st.set.failed.Add(1)
	st.set.o.Log.Warn("reading log entries failed", "path", st.path, "err", err)
	st.Send(entry.Record{Event: e})
	if err := st.Flush(); err != nil {
		return err
	}
	return ErrBroken
}
