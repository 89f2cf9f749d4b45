package parked

import (
	"sync/atomic"
	"time"
)

// Call is one call, made again and again. What Run writes belongs to the
// goroutine that runs it from Pool.Start until Take reports that it has returned.
type Call struct {
	Run   func()
	Group *Group // counts the calls that are likely to hang together; may be nil
	Await bool   // Pool.Wait waits for it; set it before Start

	state atomic.Uint32
	took  time.Duration
	await bool // guarded by Pool.mu
}

// Group counts calls that depend on the same thing, such as one file server.
type Group struct{ underWay int } // guarded by Pool.mu

// States of a Call.
const (
	atRest uint32 = iota
	underWay
	returned
)

// UnderWay reports whether Run was started and has not returned.
func (c *Call) UnderWay() bool { return c.state.Load() == underWay }

// Take reports whether Run has returned since the call was started or last taken.
func (c *Call) Take() bool { return c.state.CompareAndSwap(returned, atRest) }

// Took is how long the last Run lasted. It is valid while the call is not under way.
func (c *Call) Took() time.Duration { return c.took }
