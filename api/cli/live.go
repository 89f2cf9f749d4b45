package cli

import (
	"context"
	"errors"
	"time"

	"github.com/gdamore/tcell/v2"
)

// liveModel is the state behind a screen: a query with options of type O is answered
// with an S, which is drawn.
type liveModel[O, S any] interface {
	query() O
	queryChanged(before O) bool // reports whether query needs another answer than before
	answered(answer S, err error)
	draw(tcell.Screen)
	table() *table
	key(*tcell.EventKey) (quit bool)
	pace() (interval time.Duration, times int, paused bool) // times 0: no end
}

// asker sends a query to a relay.
type asker[O, S any] func(context.Context, O) (S, error)

// live draws answers and handles keys, until a key, ctx or the number of answers ends
// it. There is one query at a time, in another goroutine, so that keys need not wait
// for it.
func live[O, S any](ctx context.Context, screen tcell.Screen, m liveModel[O, S], ask asker[O, S]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quit := make(chan struct{})
	defer close(quit)
	events := make(chan tcell.Event)
	go screen.ChannelEvents(events, quit)
	type answer struct {
		value S
		err   error
	}
	answers := make(chan answer, 1)
	request := func() {
		o := m.query()
		go func() {
			s, err := ask(ctx, o)
			answers <- answer{s, err}
		}()
	}
	asked := time.Now()
	request()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for columnsFor := 0; ; {
		m.draw(screen)
		screen.Show()
		select {
		case <-ctx.Done():
			return nil
		case a := <-answers:
			if errors.Is(a.err, context.Canceled) {
				return nil
			}
			m.answered(a.value, a.err)
			interval, times, _ := m.pace()
			if a.err == nil {
				if columnsFor++; times > 0 && columnsFor >= times {
					return nil
				}
			}
			timer.Reset(max(0, interval-time.Since(asked)))
		case <-timer.C:
			if interval, _, paused := m.pace(); paused {
				timer.Reset(interval)
				continue
			}
			asked = time.Now()
			request()
		case ev, ok := <-events:
			if !ok {
				return nil
			}
			switch ev := ev.(type) {
			case *tcell.EventResize:
				screen.Sync()
			case *tcell.EventKey:
				before := m.query()
				if m.key(ev) {
					return nil
				}
				// Query again at once, unless a query is under way.
				if m.queryChanged(before) && timer.Stop() {
					timer.Reset(0)
				}
			}
		}
	}
}
