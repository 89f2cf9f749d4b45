package sinks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Defaults of a configuration.
const (
	defaultRetryMin = 500 * time.Millisecond
	defaultRetryMax = time.Minute
	defaultTimeout  = time.Minute
	logEvery        = time.Minute
	finishWithin    = 1500 * time.Millisecond // for a delivery that is under way when the worker ends
)

// worker delivers batches to one sink, one after another, so that order holds. Nothing is
// settled before the sink has it or has refused it for good.
type worker struct {
	cfg    *Config
	sink   sink.Sink
	limits sink.Limits
	in     *intake
	dead   *deadLetters
	status *status
	may    func() bool // reports whether this relay, and no other, runs the sink
	log    *slog.Logger
	logged time.Time
}

// run delivers until ctx ends.
func (w *worker) run(ctx context.Context) {
	b := batcher{queue: w.in.queue, limits: w.limits}
	for {
		batch := b.next(ctx)
		if batch == nil {
			return
		}
		for i := range batch {
			w.fit(&batch[i])
		}
		w.deliver(ctx, batch)
		if ctx.Err() != nil {
			return
		}
	}
}

// fit cuts a record that is larger than records may be.
func (w *worker) fit(it *item) {
	if most := w.limits.Record; most > 0 && it.rec.Size > most {
		if short, ok := it.rec.CutTo(most); ok {
			it.rec = short
			w.in.counts.cut.Add(1)
		}
	}
}

// deliver writes a batch until each record has its fate, or ctx ends.
func (w *worker) deliver(ctx context.Context, batch []item) {
	var failing time.Time
	wait := time.Duration(0)
	for len(batch) > 0 && ctx.Err() == nil {
		if !w.may() { // the runner ends the worker, or has renewed the lease soon
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		res, panicked := w.write(ctx, batch)
		if panicked && len(batch) == 1 {
			res = sink.RefuseAll(1, "panic", res.Err.Error())
		}
		n := len(batch)
		next, large := w.settle(batch, &res)
		w.divide(ctx, large, res.Err)
		if len(next) == 0 {
			if len(large) == 0 {
				w.status.delivered()
			}
			return
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		if give := time.Duration(w.cfg.Retry.GiveUp); give > 0 && time.Since(failing) > give {
			w.refuse(next, "gave_up", fmt.Sprintf("not delivered within %v: %v", give, res.Err))
			return
		}
		if len(next) < n { // some progress
			wait = 0
		}
		wait = w.backOff(wait)
		w.failed(res.Err, max(wait, res.After), len(next))
		w.in.counts.retries.Add(uint64(len(next)))
		sleep(ctx, max(wait, res.After))
		batch = next
	}
}

// divide delivers records that together are too large in two halves, and a single one cut
// to half of its size.
func (w *worker) divide(ctx context.Context, large []item, err error) {
	switch n := len(large); n {
	case 0:
	case 1:
		short, ok := large[0].rec.CutTo(large[0].rec.Size / 2)
		if !ok {
			w.refuse(large, "too_large", err.Error())
			return
		}
		w.in.counts.cut.Add(1)
		w.deliver(ctx, []item{{short, large[0].of}})
	default:
		w.deliver(ctx, large[:n/2:n/2])
		w.deliver(ctx, large[n/2:])
	}
}

// backOff returns the wait that follows one of d.
func (w *worker) backOff(d time.Duration) time.Duration {
	least, most := w.cfg.Retry.Min.Or(defaultRetryMin), w.cfg.Retry.Max.Or(defaultRetryMax)
	d = min(max(2*d, least), max(least, most))
	return d*3/4 + rand.N(d/4+1) // so that relays do not all come at once
}

// settle records the fate of each record of a batch. It returns those to write again, and
// those that were too large.
func (w *worker) settle(batch []item, res *sink.Result) (again, large []item) {
	open := make([]bool, len(batch)) // the record was not delivered
	for _, i := range res.Retry {
		open[i], again = true, append(again, batch[i])
	}
	for _, i := range res.TooLarge {
		open[i], large = true, append(large, batch[i])
	}
	for _, r := range res.Refused {
		open[r.Index] = true
		w.refuse([]item{batch[r.Index]}, r.Reason, r.Detail)
	}
	w.in.counts.known.Add(uint64(res.Known))
	for i, it := range batch {
		if !open[i] {
			w.in.counts.delivered.Add(1)
			w.in.counts.bytes.Add(uint64(it.rec.Size))
			w.finished(it)
		}
	}
	return again, large
}

// refuse makes records dead letters.
func (w *worker) refuse(items []item, reason, detail string) {
	for _, it := range items {
		w.in.counts.refuse(reason)
		w.dead.add(it.rec, reason, detail)
		w.finished(it)
	}
}

// finished counts a record that has its fate, and acknowledges its message with the last.
func (w *worker) finished(it item) {
	if it.of.left--; it.of.left == 0 {
		w.status.settled(it.of.time)
		w.in.settle(it.of)
	}
}

// write calls the sink. A delivery that is under way when ctx ends may still finish. A
// sink that panics has delivered nothing that is known: its batch is split until the record
// that it cannot handle is alone.
func (w *worker) write(ctx context.Context, batch []item) (res sink.Result, panicked bool) {
	records := make([]*sink.Record, len(batch))
	for i := range batch {
		records[i] = batch[i].rec
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Timeout.Or(defaultTimeout))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(finishWithin, cancel)
		context.AfterFunc(work, func() { t.Stop() })
	})
	defer stop()
	defer func() {
		if reason := recover(); reason != nil {
			w.log.Error("a sink panicked", "sink", w.cfg.Name, "panic", reason, "stack", string(debug.Stack()))
			res, panicked = sink.SplitAll(len(batch), fmt.Sprint("panic: ", reason)), true
		}
	}()
	res = w.sink.Write(work, records)
	res.Err = sink.Explain(res.Err)
	if res.Err != nil && errors.Is(work.Err(), context.DeadlineExceeded) {
		res.Err = fmt.Errorf("no answer within %v (timeout): %w", w.cfg.Timeout.Or(defaultTimeout), res.Err)
	}
	return res, false
}

// failed logs a failed delivery, at most once a minute.
func (w *worker) failed(err error, wait time.Duration, records int) {
	w.status.failed(err)
	if now := time.Now(); now.Sub(w.logged) >= logEvery {
		w.logged = now
		w.log.Warn("a sink does not take records: trying again", "sink", w.cfg.Name, "records", records,
			"wait", wait.Round(time.Millisecond), "err", err)
	}
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
