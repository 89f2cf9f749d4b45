package broker

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/recording"
)

// RecordingQuery selects recordings. What is empty selects all.
type RecordingQuery struct {
	Session   string
	User      string // who opened the session
	Container string // a part of a container's id, or of a tag that names it or its task
	Agent     string
	Since     time.Time // they ended at or after that
	Until     time.Time // they began before that
	After     string    // go on after an earlier answer
	Limit     int
}

// nameTags are the tags by which people name a container.
var nameTags = []string{"task_id", "container_name", "task_name", "application_name"}

// Matches reports whether a recording is selected.
func (q *RecordingQuery) Matches(i *recording.Info) bool {
	named := func(tag string) bool { return strings.Contains(i.Tags[tag], q.Container) }
	switch {
	case q.Session != "" && i.Session != q.Session, q.User != "" && i.User != q.User, q.Agent != "" && i.Agent != q.Agent:
		return false
	case !q.Since.IsZero() && !i.Ended.IsZero() && i.Ended.Before(q.Since), !q.Until.IsZero() && !i.Begun.Before(q.Until):
		return false
	}
	return q.Container == "" || strings.HasPrefix(i.Container, q.Container) || slices.ContainsFunc(nameTags, named)
}

// Found is what a search has found.
type Found struct {
	Matches   []recording.Match
	Encrypted int    // recordings that were not searched, as they are encrypted
	Failed    int    // that could not be read
	More      string // RecordingQuery.After of the rest; "" if everything was searched
}

// Recordings are those that a relay keeps. An asker who may not read one is answered as if it
// did not exist.
type Recordings interface {
	// Recordings returns pieces, newest first, and After of the rest, "" if there is none.
	Recordings(ctx context.Context, a *Asker, q *RecordingQuery) (list []recording.Info, more string, err error)
	OpenRecording(ctx context.Context, a *Asker, session, piece string) (io.ReadCloser, *recording.Info, error)
	SearchRecordings(ctx context.Context, a *Asker, q *RecordingQuery, s *recording.Query) (*Found, error)
}

// ErrNoRecording is that a relay has no such recording.
var ErrNoRecording = errors.New("this relay has no such recording")
