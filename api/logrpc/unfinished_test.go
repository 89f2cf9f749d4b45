package logrpc

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/query"
)

// hurried is logs whose answers are partial.
type hurried struct{ query.Logs }

var errHurried = &query.PartialError{Unfinished: []string{agent}}

func (h hurried) Fields(ctx context.Context, q *query.LogQuery) ([]string, error) {
	all, _ := h.Logs.Fields(ctx, q)
	return all, errHurried
}

func (h hurried) Values(ctx context.Context, q *query.LogQuery, field string, limit int) ([]string, error) {
	all, _ := h.Logs.Values(ctx, q, field, limit)
	return all, errHurried
}

func (h hurried) Histogram(ctx context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	all, _ := h.Logs.Histogram(ctx, q, step)
	return all, errHurried
}

// A list for which there was no time crosses with what it has, and says so.
func TestUnfinishedLists(t *testing.T) {
	all := filled(100)
	p := newPair(t, hurried{all})
	ctx := t.Context()
	for name, q := range map[string]*query.LogQuery{"something": {}, "nothing": {Matches: []string{"NONE=1"}}} {
		fields, err1 := p.node.Fields(ctx, q)
		values, err2 := p.node.Values(ctx, q, "MESSAGE", 1000)
		buckets, err3 := p.node.Histogram(ctx, q, 10)
		for _, err := range []error{err1, err2, err3} {
			var partial *query.PartialError
			if !errors.As(err, &partial) || !slices.Equal(partial.Unfinished, []string{agent}) {
				t.Errorf("%s: %v", name, err)
			}
		}
		wantFields, _ := all.Fields(ctx, q)
		wantValues, _ := all.Values(ctx, q, "MESSAGE", 1000)
		wantBuckets, _ := all.Histogram(ctx, q, 10)
		if !slices.Equal(fields, wantFields) || !slices.Equal(values, wantValues) ||
			len(buckets)+len(wantBuckets) > 0 && !reflect.DeepEqual(buckets, wantBuckets) {
			t.Errorf("%s: %q %q %v", name, fields, values, buckets)
		}
		if len(fields) == 0 && name == "something" {
			t.Error("nothing is found: the test shows nothing")
		}
	}
}
