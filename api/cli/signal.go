package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first SIGINT or SIGTERM cancels, so that
// the program can end cleanly. The second one ends the process at once.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	own := ownSignals{interrupt: !signal.Ignored(os.Interrupt)}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for range 2 {
			select {
			case s := <-signals:
				if ctx.Err() != nil {
					os.Exit(128 + int(s.(syscall.Signal)))
				}
				cancel()
			case <-done:
				return
			}
		}
	}()
	own.stop = func() { signal.Stop(signals) }
	ctx = context.WithValue(ctx, ownSignalsKey{}, own)
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// ownSignals is what untilSignal does of its own with signals.
type ownSignals struct {
	stop      func()
	interrupt bool // SIGINT was not ignored, as it is in the background of a shell without job control
}

type ownSignalsKey struct{}

// takeSignals returns the signals that this process gets, which do nothing by themselves any more.
// They are those that people and service managers send to end a program, or to tell it something.
// One that was ignored from the start, as nohup does, is ignored still.
func takeSignals(ctx context.Context) (signals <-chan os.Signal, stop func()) {
	own, ok := ctx.Value(ownSignalsKey{}).(ownSignals)
	c := make(chan os.Signal, 16)
	take := []os.Signal{syscall.SIGTERM, syscall.SIGCONT}
	if !ok || own.interrupt {
		take = append(take, os.Interrupt)
	}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		if !signal.Ignored(s) {
			take = append(take, s)
		}
	}
	signal.Notify(c, take...)
	if ok {
		own.stop()
	}
	return c, func() { signal.Stop(c) }
}
