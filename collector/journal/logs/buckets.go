package logs

import (
	"slices"

	"github.com/daytwo/daytwo/api/query"
)

// maxBuckets bounds a histogram.
const maxBuckets = 1 << 20

// buckets is a histogram that is being made.
type buckets struct {
	step int64
	all  map[int64]*query.LogBucket
	last *query.LogBucket
	full bool
}

// at returns the bucket of a time, nil if there are too many.
func (b *buckets) at(usec int64) *query.LogBucket {
	start := usec - usec%b.step
	if b.last != nil && b.last.Start == start {
		return b.last
	}
	last := b.all[start]
	if last == nil {
		if b.full = len(b.all) == maxBuckets; b.full {
			return nil
		}
		last = &query.LogBucket{Start: start}
		b.all[start] = last
	}
	b.last = last
	return last
}

// add counts an entry, and reports whether there was room.
func (b *buckets) add(usec int64, priority int) bool {
	last := b.at(usec)
	if last != nil {
		last.Counts[priority]++
	}
	return last != nil
}

// list returns the buckets in order.
func (b *buckets) list() []query.LogBucket {
	list := make([]query.LogBucket, 0, len(b.all))
	for _, one := range b.all {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(x, y query.LogBucket) int { return int((x.Start - y.Start) / b.step) })
	return list
}
