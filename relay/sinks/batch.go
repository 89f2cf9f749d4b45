package sinks

import (
	"context"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// item is a record of a batch.
type item struct {
	rec *sink.Record
	of  *delivery
}

// batcher cuts the records of the intake into batches, in order.
type batcher struct {
	queue  <-chan *delivery
	limits sink.Limits
	rest   []*sink.Record // of cur, not in a batch yet
	cur    *delivery
	batch  []item // reused
}

// next returns the next batch: as soon as it is full, or when its oldest record has waited
// for limits.Wait. It returns nil when ctx ends.
func (b *batcher) next(ctx context.Context) []item {
	clear(b.batch)
	b.batch = b.batch[:0]
	size := 0
	var timer *time.Timer
	var expired <-chan time.Time
	for {
		for len(b.rest) > 0 {
			r := b.rest[0]
			if n := len(b.batch); n > 0 && (n >= b.limits.Records || size+r.Size > b.limits.Bytes) {
				return b.batch
			}
			b.batch = append(b.batch, item{r, b.cur})
			size += r.Size
			b.rest = b.rest[1:]
		}
		if len(b.batch) >= b.limits.Records || size >= b.limits.Bytes {
			return b.batch
		}
		if len(b.batch) > 0 && timer == nil {
			timer = time.NewTimer(b.limits.Wait)
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case b.cur = <-b.queue:
			b.rest = b.cur.records
		case <-expired:
			return b.batch
		case <-ctx.Done():
			return nil
		}
	}
}
