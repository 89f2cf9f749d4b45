package containers

import (
	"context"
	"errors"
	"time"
)

const (
	maxFetches = 8 // of one runtime at once
	maxSlow    = 1024
	maxQueued  = maxStates        // waiting for their turn
	slowPause  = 30 * time.Second // before one that was not told in time is asked for again
)

// fetcher asks one runtime for its containers, several at a time: a container whose
// details a runtime does not tell, for a shim that hangs, keeps those of no other
// from us. One goroutine uses it; fetch is called on others.
type fetcher[K comparable] struct {
	fetch func(context.Context, K) (*record, error)

	results chan fetched[K]
	again   chan K // to be added: it was not told in time
	queue   []K
	queued  map[K]bool
	busy    map[K]bool // asked for; true: to be asked for again
	slow    map[K]bool // was not told in time, and waits for again
}

type fetched[K comparable] struct {
	key K
	rec *record // nil: there is no such container
	err error
}

func newFetcher[K comparable](fetch func(context.Context, K) (*record, error)) *fetcher[K] {
	return &fetcher[K]{fetch: fetch, results: make(chan fetched[K], maxFetches), again: make(chan K, maxSlow),
		queued: map[K]bool{}, busy: map[K]bool{}, slow: map[K]bool{}}
}

// add queues a container, unless it was not told in time a moment ago.
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

// retry is for what again hands out.
func (f *fetcher[K]) retry(ctx context.Context, k K) {
	delete(f.slow, k)
	f.add(ctx, k)
}

// start asks for those whose turn it is.
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
			f.results <- fetched[K]{k, rec, err} // as much room as fetches
		}()
	}
}

// done takes note of a result, and reports whether it says something: the runtime
// answered in time.
func (f *fetcher[K]) done(ctx context.Context, r fetched[K]) bool {
	again := f.busy[r.key]
	delete(f.busy, r.key)
	late := errors.Is(r.err, context.DeadlineExceeded)
	switch {
	case late && len(f.slow) < maxSlow:
		f.slow[r.key] = true
		time.AfterFunc(slowPause, func() { f.again <- r.key }) // as much room as are slow
	case !late && again:
		f.add(ctx, r.key)
	}
	f.start(ctx)
	return !late
}
