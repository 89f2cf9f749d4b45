package bounded

import (
	"sync/atomic"
	"time"
)

// Call is a call that is made repeatedly. From Pool.Start until Take reports true,
// the variables that Run writes may be accessed only by the goroutine that runs it.
type Call struct {
	Run   func()
	Group *Group // the calls that are likely to hang together with this one; may be nil
	Await bool   // whether Pool.Wait waits for this call; to be set before Start

	state atomic.Uint32
	took  time.Duration
	await bool // Pool.Wait waits for the current run; guarded by Pool.mu
}

// Group counts the calls under way that depend on the same thing, such as one file
// server.
type Group struct{ underWay int } // guarded by Pool.mu

// States of a Call.
const (
	atRest uint32 = iota
	underWay
	returned
)

// UnderWay reports whether Run was started and has not returned.
func (c *Call) UnderWay() bool { return c.state.Load() == underWay }

// Take reports whether Run has returned since the last Take. It reports true once for
// each start.
func (c *Call) Take() bool { return c.state.CompareAndSwap(returned, atRest) }

// Took returns how long the last Run lasted. It must not be called while the call is
// under way.
func (c *Call) Took() time.Duration { return c.took }
