package containers

import (
	"context"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/health"
)

// answerWithin is the longest time that Doctor waits for the runtimes.
const answerWithin = 1500 * time.Millisecond

// Doctor asks every container runtime and reports which ones answer within 1.5 s. A
// missing runtime is not an error: few machines have all of them.
func Doctor(ctx context.Context, o Options) []health.Check {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r := New(o)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(ctx) // returns ctx's error when ctx ends
	}()
	<-ctx.Done()
	status := r.Status()
	select {
	case <-ended:
	case <-time.After(answerWithin): // a hanging runtime must not block Doctor
	}
	var checks []health.Check
	for _, st := range status {
		c := health.Check{Name: "runtime " + st.Runtime, State: health.OK,
			Detail: fmt.Sprintf("%s: %d containers", st.Socket, st.Containers)}
		if !st.Connected {
			c.Detail = "not in use: " + st.Reason
		}
		checks = append(checks, c)
	}
	return checks
}
