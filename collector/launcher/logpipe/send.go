package logpipe

import (
	"time"

	"golang.org/x/sys/unix"
)

// sending is how it stands with journald.
type sending struct {
	full bool      // the socket takes nothing now: poll says when it does
	held time.Time // nothing is sent until then; zero for no such time

	last    time.Time // when something was sent last
	probing bool      // an empty datagram was sent after it

	away      bool          // journald is not reachable
	seen      bool          // the process of journald was seen to end: the next one is waited for
	nextLook  time.Time     // for that process, while it is not known
	lookPause time.Duration // until then, the last time
	proofs    int           // looks since then that a datagram caused which journald had taken
	awaySince time.Time
	retry     time.Time // when to connect again
	pause     time.Duration
}

const (
	maxSent      = 16                     // batches that journald may not have handled
	maxSentBytes = 4 << 20                // bytes of them, if they are more than one
	holdFor      = 2 * time.Millisecond   // until the next look at what journald has taken
	scarceFor    = 50 * time.Millisecond  // while the kernel is short of memory or descriptors
	confirmAfter = time.Second            // without output
	minPause     = 5 * time.Millisecond   // between two attempts to connect
	maxPause     = 250 * time.Millisecond // the same
	unseenFor    = 5 * time.Second        // a journald may take until its process is seen
)

// flush sends what can be sent, and otherwise finds out whether journald has handled what
// was sent.
func (p *pipe) flush() {
	p.full = false
	if p.away && !p.connect() || p.now.Before(p.held) {
		return
	}
	p.held = time.Time{}
	p.addReport()
	for b := p.q.next(); b != nil; b = p.q.next() {
		taken := !p.conn.waiting()
		if taken && p.q.sent > 0 {
			p.alive()
		}
		if !taken && (p.q.sent >= maxSent || p.q.sent > 1 && p.q.sentBytes() > maxSentBytes) {
			p.held = p.now.Add(holdFor)
			return
		}
		if !p.send(b) {
			return
		}
		p.q.nextSent()
		p.last, p.probing = p.now, false
		// The socket was open just now, so what was taken was taken by journald, and did not
		// vanish with it. journald handles one datagram after the other.
		if taken {
			p.q.handled(p.q.sent - 2)
		} else {
			p.q.handled(p.q.certain(p.conn.buffer))
		}
	}
	p.confirm()
}

// send sends a batch, and reports whether that succeeded.
func (p *pipe) send(b *batch) bool {
	err := unix.EMSGSIZE
	if !b.asFile {
		e := p.conn.send(b.buf)
		if e == nil {
			return true
		}
		err, _ = e.(unix.Errno)
	}
	if err == unix.EMSGSIZE {
		b.asFile = true
		e := p.conn.sendFile(b.buf)
		if e == nil {
			return true
		}
		err, _ = e.(unix.Errno)
	}
	p.failed(err)
	return false
}

// failed handles an error of the socket.
func (p *pipe) failed(err unix.Errno) {
	switch err {
	case unix.EAGAIN, unix.EINTR:
		p.full = true
	case unix.ENOBUFS, unix.ENOMEM, unix.EMFILE, unix.ENFILE, unix.ETOOMANYREFS:
		p.held = p.now.Add(scarceFor)
	default:
		p.lost(err)
	}
}

// confirm finds out whether journald has handled all that was sent: it sends an empty
// datagram, and when that was taken, what was sent before is handled.
func (p *pipe) confirm() {
	if p.q.sent == 0 || p.away || p.ended.IsZero() && p.now.Sub(p.last) < confirmAfter {
		return
	}
	if p.probing && p.conn.waiting() {
		p.held = p.now.Add(p.confirmPause())
		return
	}
	err := p.conn.probe() // the second one says that the socket is still open
	switch {
	case err != nil:
		e, _ := err.(unix.Errno)
		p.failed(e)
	case p.probing:
		p.q.handled(p.q.sent)
	default:
		p.probing = true
		p.held = p.now.Add(p.confirmPause())
	}
}

// confirmPause returns how long to wait for journald to take a probe.
func (p *pipe) confirmPause() time.Duration {
	since := p.now.Sub(p.last)
	if !p.ended.IsZero() {
		since = p.now.Sub(p.ended)
	}
	return min(max(time.Millisecond, since/4), maxPause)
}

// wakeSending returns when flush has something to do again, zero if only after an event.
func (p *pipe) wakeSending() time.Time {
	switch {
	case p.away:
		return p.retry
	case !p.held.IsZero():
		return p.held
	case p.q.sent > 0 && !p.full:
		return p.last.Add(confirmAfter)
	}
	return time.Time{}
}

// lost handles the loss of the connection: journald has ended, and what it did not take
// is gone.
func (p *pipe) lost(err error) {
	p.conn.close()
	p.away, p.awaySince, p.retry, p.pause = true, p.now, p.now, minPause
	p.Away++
	lines := 0
	for _, b := range p.q.all[:p.q.sent] {
		lines += b.lines
	}
	p.q.sendAgain()
	p.Resent += uint64(lines)
	p.gap.resent += uint64(lines)
	p.proofs = 0
	p.Log.Warn("journald is not reachable: waiting for it", "path", p.conn.path, "err", err, "drop", p.Drop)
}

// look looks for the process of journald from time to time, while that is not known:
// journald may start later than who writes to its socket.
func (p *pipe) look() {
	if p.conn.fd < 0 || p.conn.peer >= 0 || p.now.Before(p.nextLook) {
		return
	}
	if p.conn.peer = watchJournald(p.conn.path); p.conn.peer >= 0 {
		p.lookPause, p.proofs = 0, 0
		return
	}
	p.lookPause = min(max(100*time.Millisecond, 2*p.lookPause), time.Minute)
	p.nextLook = p.now.Add(p.lookPause)
}

// maxProofs bounds the looks of alive: a process that may not see journald's never finds it.
const maxProofs = 8

// alive looks for the process of journald at once, since it has just taken a datagram: it
// may have started a moment ago, and may be killed in the next.
func (p *pipe) alive() {
	if p.conn.peer < 0 && p.proofs < maxProofs {
		p.proofs++
		p.nextLook = p.now
		p.look()
	}
}

// open reports whether a socket is open that gives such an error.
func open(err error) bool { return err == nil || err == unix.EAGAIN || err == unix.ENOBUFS }

// connect connects to journald again, and reports whether that succeeded.
func (p *pipe) connect() bool {
	if p.now.Before(p.retry) {
		return false
	}
	err := p.conn.dial()
	if err == nil {
		p.conn.peer = watchJournald(p.conn.path)
		unseen := p.seen && p.conn.peer < 0 && p.now.Sub(p.awaySince) < unseenFor
		if unseen || !open(p.conn.probe()) {
			p.conn.close()
			err = errJournaldEnded
		}
	}
	if err != nil {
		p.retry = p.now.Add(p.pause)
		p.pause = min(2*p.pause, maxPause)
		return false
	}
	d := p.now.Sub(p.awaySince)
	p.away, p.seen = false, false
	p.AwayTime += d
	p.gap.away += d
	p.gap.returned = true
	p.held = time.Time{}
	p.Log.Warn("journald is reachable again", "after", d, "resent_lines", p.gap.resent)
	return true
}
