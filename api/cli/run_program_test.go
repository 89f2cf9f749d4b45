package cli

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/ready"
)

// A program that is asked to end, and hangs, is not waited for without end.
func TestRunProgramIsBounded(t *testing.T) {
	was := endWithin
	endWithin = 100 * time.Millisecond
	defer func() { endWithin = was }()
	c := Config{Log: slog.New(slog.DiscardHandler)}
	hang := make(chan struct{})
	defer close(hang)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	err := runProgram(ctx, c, func(context.Context, Config) error { <-hang; return nil })
	if err == nil || !strings.Contains(err.Error(), "did not end") {
		t.Errorf("%v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	want := errors.New("this is wrong")
	if err := runProgram(ctx, c, func(context.Context, Config) error { return want }); err != want {
		t.Errorf("%v", err)
	}
	err = runProgram(ctx, c, func(ctx context.Context, c Config) error {
		c.Ready.Up(ready.Ticks)
		cancel()
		<-ctx.Done()
		return nil
	})
	if err != nil {
		t.Errorf("asked to end, and ended: %v", err)
	}
}
