package containers

import (
	"context"
	"errors"
	"time"
)

const (
	maxFetches = 8 // concurrent requests to one runtime
	maxSlow    = 1024
	maxQueued  = maxStates        // containers that wait to be fetched
	slowPause  = 30 * time.Second // before a container that timed out is fetched again
)

// fetcher asks one runtime for details of its containers, several at a time, so that a
// container whose shim hangs does not delay the others. One goroutine uses it; fetch is
// called on other goroutines.
type fetcher[K comparable] struct {
	fetch func(context.Context, K) (*record, error)

	results chan fetched[K]
	again   chan K // containers that timed out, to be passed to retry
	queue   []K
	queued  map[K]bool
	busy    map[K]bool // being fetched; true: fetch again afterwards
	slow    map[K]bool // timed out, and wait for slowPause
}

type fetched[K comparable] struct {
	key K
	rec *record // nil: the container does not exist
	err error
}

func newFetcher[K comparable](fetch func(context.Context, K) (*record, error)) *fetcher[K] {
	return &fetcher[K]{fetch: fetch, results: make(chan fetched[K], maxFetches), again: make(chan K, maxSlow),
		queued: map[K]bool{}, busy: map[K]bool{}, slow: map[K]bool{}}
}

// add queues a container, unless it timed out less than slowPause ago.
func (f *fetcher[K]) add(ctx context.Context, k K) {
	switch _, busy := f.busy[k]; {
	case f.slow[k]:
	case busy:
		f.busy[k] = true
	case !f.queued[k] && len(f.queue) < maxQueued:
		f.queued[k] = true
		f.queue = append(f.queue, k)
	}
	f.start(ctx)
}

// retry queues a container that was received from again.
func (f *fetcher[K]) retry(ctx context.Context, k K) {
	delete(f.slow, k)
	f.add(ctx, k)
}

// start fetches queued containers, up to maxFetches at once.
func (f *fetcher[K]) start(ctx context.Context) {
	for len(f.queue) > 0 && len(f.busy) < maxFetches {
		k := f.queue[0]
		f.queue = f.queue[1:]
		delete(f.queued, k)
		f.busy[k] = false
		go func() {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			rec, err := f.fetch(ctx, k)
			f.results <- fetched[K]{k, rec, err} // does not block: results has room for maxFetches
		}()
	}
}

// done records a result. It reports whether the result is usable: the runtime answered
// in time.
func (f *fetcher[K]) done(ctx context.Context, r fetched[K]) bool {
	again := f.busy[r.key]
	delete(f.busy, r.key)
	late := errors.Is(r.err, context.DeadlineExceeded)
	switch {
	case late && len(f.slow) < maxSlow:
		f.slow[r.key] = true
		time.AfterFunc(slowPause, func() { f.again <- r.key }) // does not block: again has room for maxSlow
	case !late && again:
		f.add(ctx, r.key)
	}
	f.start(ctx)
	return !late
}
