package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/ready"
)

// endWithin is how long a program may take to end once its context is done: a mount
// or a disk may block a part of it for ever. Tests shorten it.
var endWithin = 20 * time.Second

// runProgram runs main until ctx is done, and keeps the service manager informed.
func runProgram(ctx context.Context, c Config, main func(context.Context, Config) error) error {
	c.Ready = new(ready.Parts)
	notifying, stop := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() { ready.Notify(notifying, c.Ready, c.Log) })
	defer told.Wait()
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- main(ctx, c) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(endWithin):
		return fmt.Errorf("a part of the program did not end within %v, and is abandoned", endWithin)
	}
}
