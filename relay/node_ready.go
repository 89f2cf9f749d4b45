package relay

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// nodeTicks records when ticks of the collector in this process arrive. The zero value
// records nothing.
type nodeTicks struct {
	agent string
	boot  uint64
	start time.Time
	last  atomic.Int64 // arrival of the newest tick, nanoseconds since start; 0 if none has arrived
	every atomic.Int64 // the newest tick's interval, nanoseconds
}

// slack is how much later than three intervals after the last one a tick may arrive.
const slack = 5 * time.Second

// heard records a tick if it is of the collector in this process.
func (n *nodeTicks) heard(h *frame.Header) {
	if n.boot == 0 || h.Boot != n.boot || h.Agent != n.agent {
		return
	}
	n.every.Store(h.Interval)
	n.last.Store(max(1, int64(time.Since(n.start))))
}

// ready returns nil while ticks arrive, else an error that says since when none did.
func (n *nodeTicks) ready() error {
	last := n.last.Load()
	if last == 0 {
		return errors.New("none has arrived at the relay yet")
	}
	late := time.Since(n.start) - time.Duration(last)
	if late > 3*time.Duration(n.every.Load())+slack {
		return fmt.Errorf("none has arrived at the relay for %v", late.Round(time.Second))
	}
	return nil
}
