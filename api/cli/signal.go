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
	ctx = context.WithValue(ctx, ownSignals{}, func() { signal.Stop(signals) })
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// ownSignals is the key of the function that ends what untilSignal does.
type ownSignals struct{}

// takeSignals returns the signals that this process gets, which do nothing by themselves any more.
// They are those that people and service managers send to end a program, or to tell it something.
func takeSignals(ctx context.Context) (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGCONT)
	if end, ok := ctx.Value(ownSignals{}).(func()); ok {
		end()
	}
	return c, func() { signal.Stop(c) }
}
