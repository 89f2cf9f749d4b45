package keeper

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// watched is what an entry of the poll set is about.
type watched struct {
	what what
	s    wire.Stream
	c    *conn
}

type what uint8

const (
	listener what = iota
	programPidfd
	programOutput
	programInput
	connection
)

// turn waits until there is something to do, and does it.
func (k *keeper) turn() {
	k.fds, k.who = k.fds[:0], k.who[:0]
	k.watch(k.cfg.Listener, unix.POLLIN, watched{what: listener})
	if k.pidfd >= 0 && k.status == nil {
		k.watch(k.pidfd, unix.POLLIN, watched{what: programPidfd})
	}
	k.watchProgram()
	for _, c := range k.clients {
		k.watch(c.fd, c.wants(), watched{what: connection, c: c})
	}
	_, err := unix.Poll(k.fds, k.timeout())
	k.now = time.Now()
	for i := range k.fds {
		if revents := k.fds[i].Revents; err == nil && revents != 0 {
			k.do(&k.who[i], revents)
		}
	}
	k.timers()
	for _, c := range k.clients {
		k.flush(c)
	}
	k.resumeInput()
	k.dropGone()
}

func (k *keeper) watch(fd int, events int16, w watched) {
	k.fds = append(k.fds, unix.PollFd{Fd: int32(fd), Events: events})
	k.who = append(k.who, w)
}

// do does what a descriptor is ready for.
func (k *keeper) do(w *watched, revents int16) {
	switch w.what {
	case listener:
		k.accept()
	case programPidfd:
		k.programEnded()
	case programOutput:
		k.readOutput(w.s)
	case programInput:
		k.in.full = false
		k.writeInput()
	case connection:
		w.c.ready(revents)
	}
}

// timers ends what has lasted too long.
func (k *keeper) timers() {
	l := &k.cfg.Limits
	if k.anyClient() {
		k.attached = k.now
	}
	if k.control != nil {
		k.owned = k.now
	}
	if k.phase == running {
		switch {
		case l.Total > 0 && k.now.Sub(k.begun) >= l.Total:
			k.end(session.TimeLimit, "it may last "+l.Total.String())
		case l.Idle > 0 && k.now.Sub(k.active) >= l.Idle:
			k.end(session.IdleLimit, "it may be idle for "+l.Idle.String())
		case k.now.Sub(k.attached) >= l.Detached:
			k.end(session.DetachedLimit, "it may be without a client for "+l.Detached.String())
		case k.now.Sub(k.owned) >= k.cfg.Orphaned:
			k.end(session.Orphaned, "for "+k.cfg.Orphaned.String())
		case k.cfg.Recorded && k.recorder == nil && k.now.Sub(k.unrecorded) >= l.Detached:
			k.unrecordable("no relay recorded it for " + l.Detached.String())
		}
	}
	k.forgetLost()
	k.advance()
	if k.now.Sub(k.reaped) >= reapFor {
		k.reap()
		k.giveBack()
	}
}

// timeout is how long a turn may wait, in milliseconds.
func (k *keeper) timeout() int {
	next := k.reaped.Add(reapFor)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	l := &k.cfg.Limits
	switch k.phase {
	case running:
		if l.Total > 0 {
			sooner(k.begun.Add(l.Total))
		}
		if l.Idle > 0 {
			sooner(k.active.Add(l.Idle))
		}
		if !k.anyClient() {
			sooner(k.attached.Add(l.Detached))
		}
		if k.control == nil {
			sooner(k.owned.Add(k.cfg.Orphaned))
		}
		if k.cfg.Recorded && k.recorder == nil {
			sooner(k.unrecorded.Add(l.Detached))
		}
	case ending:
		sooner(k.since.Add(hangUpFor))
		if !k.killed.IsZero() {
			sooner(k.killed.Add(killEvery))
		}
	case draining:
		if k.none { // once it is quiet, only a client who takes output makes a difference
			if quiet := latest(k.active, k.since).Add(quietFor); quiet.After(k.now) {
				sooner(quiet)
			}
			sooner(latest(k.since, k.progress).Add(l.Detached))
		} else {
			sooner(k.killed.Add(killEvery))
		}
	case over:
		sooner(k.now.Add(overEvery))
	}
	d := time.Until(next)
	return int(max(0, (d+time.Millisecond-1)/time.Millisecond))
}

// finished reports whether nobody needs the keeper any more.
func (k *keeper) finished() bool {
	if k.phase != over {
		return false
	}
	if k.now.Sub(k.owned) >= k.cfg.Orphaned { // no client can come
		return true
	}
	waiting := len(k.lost) > 0 || !k.opened // a client may come, or come back, for the end
	waiting = waiting || k.cfg.Recorded && !k.recorded
	for _, c := range k.clients {
		waiting = waiting || c != k.control && !c.done
	}
	quiet := k.now.Sub(latest(k.since, k.progress))
	if waiting && quiet < k.cfg.Limits.Detached {
		return false
	}
	return k.noted || quiet >= lastFor
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// room returns how many bytes may be read from an output: what clients that must not miss
// anything have taken is free.
func (k *keeper) room(s wire.Stream) int {
	r := k.out[s].ring
	kept := r.end
	hold := func(offset uint64) {
		if offset < kept {
			kept = max(offset, r.start)
		}
	}
	if !k.opened {
		hold(0)
	}
	if k.cfg.Recorded {
		hold(k.written[s])
	}
	for _, c := range k.clients {
		if c.holds {
			hold(c.out[s].acked)
		}
	}
	for i := range k.lost {
		hold(k.lost[i].acked[s])
	}
	return len(r.mem) - int(r.end-kept)
}

// giveBack gives memory back that holds output which all clients have.
func (k *keeper) giveBack() {
	for s := wire.Stdout; s < wire.Streams; s++ {
		r := k.out[s].ring
		if r == nil {
			continue
		}
		needed := r.end - uint64(len(r.mem)-k.room(s)) // by clients that must not miss anything
		for _, c := range k.clients {
			if c.hello && c != k.control {
				needed = min(needed, c.out[s].sent)
			}
		}
		r.giveBack(needed)
	}
}
