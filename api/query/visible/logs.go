package visible

import (
	"context"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// recheck is how often a reader of log entries asks whether its asker may still read. Next
// returns at least every 15 s, so that a reader that has to end does so soon after.
const recheck = 5 * time.Second

// Logs returns logs that have only entries of a scope; nil is all. still is asked from time
// to time while entries are read, and ends the reading with its error; it may be nil.
func Logs(l query.Logs, scope *query.LogScope, still func() error) query.Logs {
	return &logs{l, scope, still}
}

type logs struct {
	all   query.Logs
	scope *query.LogScope
	still func() error
}

// narrow returns a query of the scope.
func (l *logs) narrow(q *query.LogQuery) *query.LogQuery {
	narrowed := *q
	narrowed.Scope = l.scope
	return &narrowed
}

// Entries implements query.Logs.
func (l *logs) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	r, err := l.all.Entries(ctx, l.narrow(q))
	if err != nil || l.still == nil {
		return r, err
	}
	return &reader{LogReader: r, still: l.still, asked: time.Now()}, nil
}

// reader is a LogReader that ends when its asker may not read any more.
type reader struct {
	query.LogReader
	still func() error
	asked time.Time
}

// Next implements query.LogReader.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	if time.Since(r.asked) >= recheck {
		r.asked = time.Now()
		if err := r.still(); err != nil {
			return entry.Record{}, err
		}
	}
	return r.LogReader.Next(ctx)
}

// Fields implements query.Logs.
func (l *logs) Fields(ctx context.Context, q *query.LogQuery) ([]string, error) {
	return l.all.Fields(ctx, l.narrow(q))
}

// Values implements query.Logs.
func (l *logs) Values(ctx context.Context, q *query.LogQuery, field string, limit int) ([]string, error) {
	return l.all.Values(ctx, l.narrow(q), field, limit)
}

// Histogram implements query.Logs.
func (l *logs) Histogram(ctx context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	return l.all.Histogram(ctx, l.narrow(q), step)
}

// Boots implements query.Logs.
func (l *logs) Boots(ctx context.Context, q *query.LogQuery) ([]query.LogBoot, error) {
	return l.all.Boots(ctx, l.narrow(q))
}
