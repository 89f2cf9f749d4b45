package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// What has to read entries ends when its time is over, with what it found until then.
func TestCountingIsBounded(t *testing.T) {
	const entries = 5000
	dir := t.TempDir()
	numbered(t, dir, entries, func(i int) []string { return []string{"PRIORITY=3", fmt.Sprint("PART=", i/50)} })
	hurried := New(Options{Agent: agent, Dirs: []string{dir}, Counting: time.Nanosecond, Log: discard})
	t.Cleanup(hurried.Close)
	patient := node(t, nil, dir)
	for name, q := range map[string]*query.LogQuery{
		"grep":  {Grep: "line"},
		"match": {Matches: []string{"PRIORITY=3"}},
		"scope": {Scope: &query.LogScope{Selectors: [][]query.LogCondition{{{Tag: "agent_id", Patterns: []string{"*"}}}}}},
		"since": {Since: longAgo + 1e6},
	} {
		count := func(n *Node, ctx context.Context) (sum uint64, values, fields int, errs []error) {
			buckets, err := n.Histogram(ctx, q, 1e9)
			for _, b := range buckets {
				sum += b.Counts[3]
			}
			v, err2 := n.Values(ctx, q, "PART", entries)
			f, err3 := n.Fields(ctx, q)
			return sum, len(v), len(f), []error{err, err2, err3}
		}
		all, allValues, allFields, errs := count(patient, t.Context())
		if all < entries-2 || allValues != entries/50 || allFields == 0 || errors.Join(errs...) != nil {
			t.Errorf("%s: with time %d, %d values, %d fields, errors %v", name, all, allValues, allFields, errs)
		}
		some, values, fields, errs := count(hurried, t.Context())
		byIndex := name == "match" || name == "since" // which notices at once that no time is left
		if some >= all || values >= allValues || !byIndex && (some == 0 || values == 0) || fields == 0 {
			t.Errorf("%s: without time %d of %d, %d values of %d, %d fields", name, some, all, values, allValues, fields)
		}
		for _, err := range errs {
			var partial *query.PartialError
			if !errors.As(err, &partial) || !slices.Equal(partial.Unfinished, []string{agent}) {
				t.Errorf("%s: without time: %v", name, err)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range slices.Concat(errsOf(count(patient, gone)), errsOf(count(hurried, gone))) {
			var partial *query.PartialError
			if err == nil || errors.As(err, &partial) {
				t.Errorf("%s: an asker that is gone: %v", name, err)
			}
		}
	}
}

func errsOf(_ uint64, _, _ int, errs []error) []error { return errs }
