package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/relay/sessions/recordings"
)

const (
	maxListed   = 1000
	searchFor   = 20 * time.Second // of one answer
	searchBytes = 1 << 30
)

var _ broker.Recordings = (*Broker)(nil)

var errKeepsNone = rpc.Errorf(rpc.Unavailable, "this relay keeps no recordings")

// reader returns what an asker may read of recordings, or the error if that is nothing.
func (b *Broker) reader(a *broker.Asker, rec *audit.Record) (func(*recording.Info) bool, error) {
	v := a.Policy().View(a.Principal, policy.Read, policy.Recordings)
	rec.Action, rec.Resource = policy.Read.String(), policy.Recordings.String()
	switch {
	case v.Nothing():
		rec.Decision = audit.Refused
		b.o.Audit(*rec)
		return nil, &broker.DeniedError{Who: a.Principal.Name(), Right: "read recordings", Action: policy.Read,
			Resource: policy.Recordings}
	case b.o.Recordings == nil:
		return nil, errKeepsNone
	}
	return func(i *recording.Info) bool {
		tags := recordingTags(i)
		return v.Allows(&tags)
	}, nil
}

func recordingTags(i *recording.Info) policy.Tags {
	tags := policy.Tags{Agent: i.Agent, User: i.Command.User, Command: access.Text(&i.Command),
		Path: i.Command.Path()}
	for name, value := range i.Tags {
		if name != "agent_id" {
			tags.Labels = append(tags.Labels, frame.Label{Name: name, Value: value})
		}
	}
	return tags
}

// Recordings implements broker.Recordings.
func (b *Broker) Recordings(_ context.Context, a *broker.Asker, q *broker.RecordingQuery) ([]recording.Info, string,
	error) {
	rec := b.record(a, "list recordings")
	may, err := b.reader(a, &rec)
	if err != nil {
		return nil, "", err
	}
	limit := min(max(q.Limit, 1), maxListed)
	list, more := b.o.Recordings.Select(func(i *recording.Info) bool { return q.Matches(i) && may(i) }, q.After, limit)
	if !more {
		return list, "", nil
	}
	return list, recordings.Cursor(&list[len(list)-1]), nil
}

// OpenRecording implements broker.Recordings.
func (b *Broker) OpenRecording(_ context.Context, a *broker.Asker, session, piece string) (io.ReadCloser,
	*recording.Info, error) {
	rec := b.record(a, "read a recording")
	rec.Object = "session " + session
	may, err := b.reader(a, &rec)
	if err != nil {
		return nil, nil, err
	}
	list, _ := b.o.Recordings.Select(func(i *recording.Info) bool {
		return i.Session == session && i.Piece == piece && may(i)
	}, "", 1)
	if len(list) == 0 {
		return nil, nil, broker.ErrNoRecording
	}
	rec.Object += " of " + list[0].User
	f, err := b.o.Recordings.OpenFile(&list[0])
	if errors.Is(err, os.ErrNotExist) {
		err = broker.ErrNoRecording
	}
	b.done(&rec, err)
	return f, &list[0], err
}

// SearchRecordings implements broker.Recordings.
func (b *Broker) SearchRecordings(ctx context.Context, a *broker.Asker, q *broker.RecordingQuery,
	s *recording.Query) (*broker.Found, error) {
	rec := b.record(a, fmt.Sprintf("search recordings for %q", s.Text))
	may, err := b.reader(a, &rec)
	if err != nil {
		return nil, err
	}
	b.done(&rec, nil)
	found := new(broker.Found)
	ctx, cancel := context.WithTimeout(ctx, searchFor)
	defer cancel()
	var read int64
	after := q.After
	for len(found.Matches) < s.Limit {
		list, _ := b.o.Recordings.Select(func(i *recording.Info) bool { return q.Matches(i) && may(i) }, after, 1)
		if len(list) == 0 {
			found.More = ""
			return found, nil
		}
		i := &list[0]
		after = recordings.Cursor(i)
		if i.Encrypted {
			found.Encrypted++
			continue
		}
		if read += i.Bytes; ctx.Err() != nil || read > searchBytes && read > i.Bytes {
			return found, nil // the rest with another request
		}
		part := *s
		part.Limit -= len(found.Matches)
		if err := b.searchOne(ctx, i, &part, found); err != nil {
			found.Failed++
			b.o.Log.Error("a recording cannot be searched", "session", i.Session, "piece", i.Piece, "err", err)
		}
		if ctx.Err() != nil {
			found.Failed++
		}
		found.More = after
	}
	return found, nil
}

func (b *Broker) searchOne(ctx context.Context, i *recording.Info, q *recording.Query, found *broker.Found) error {
	f, err := b.o.Recordings.OpenFile(i)
	if err != nil {
		return err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	r, err := recording.NewReader(f)
	if err != nil {
		return err
	}
	_, err = q.Search(r, func(m recording.Match) {
		m.Session, m.Piece = i.Session, i.Piece
		found.Matches = append(found.Matches, m)
	})
	return err
}

// tidy deletes recordings that are too old.
func (b *Broker) tidy(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.o.Recordings.Tidy()
		}
	}
}
