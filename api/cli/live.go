package cli

import (
	"context"
	"errors"
	"time"

	"github.com/gdamore/tcell/v2"
)

// liveModel is what live shows: options of type O say what is asked for, and
// answers of type S are drawn.
type liveModel[O, S any] interface {
	question() O
	askAnew(before O) bool // what is asked for is not what it was before
	answered(answer S, err error)
	draw(tcell.Screen)
	key(*tcell.EventKey) (quit bool)
	pace() (interval time.Duration, times int, paused bool) // times 0: no end
}

// live draws answers and takes keys. Asking never overlaps and never holds up
// the keys.
func live[O, S any](ctx context.Context, screen tcell.Screen, m liveModel[O, S], ask func(context.Context, O) (S, error)) error {
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
		o := m.question()
		go func() {
			s, err := ask(ctx, o)
			answers <- answer{s, err}
		}()
	}
	asked := time.Now()
	request()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for shown := 0; ; {
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
				if shown++; times > 0 && shown >= times {
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
				before := m.question()
				if m.key(ev) {
					return nil
				}
				// What is asked for has changed: ask now, unless it is under way.
				if m.askAnew(before) && timer.Stop() {
					timer.Reset(0)
				}
			}
		}
	}
}
