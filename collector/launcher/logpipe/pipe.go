package logpipe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// pipe copies lines from sources to journald. One goroutine does all of it.
type pipe struct {
	Options
	Stats
	sources []*source
	q       queue
	conn    conn
	now     time.Time // of this round of the loop
	polled  []unix.PollFd

	sending            // how it stands with journald
	gap     notice     // what the next report will say
	report  prefixes   // beginnings of reports
	rates   rateLimits // what journald suppressed

	stopped time.Time // when the context of Run was done
	ended   time.Time // when the last source ended
	id      uint64    // of lines that are written in pieces
}

// Run copies lines until all sources have ended, or until ctx is done and ExitWait has
// passed. Then it waits until journald has taken all of them, ExitWait at most. It
// returns an error if it cannot begin: if the options are invalid, or if there is no
// journald. It closes a source only if nobody reads its copy any more.
func Run(ctx context.Context, o Options) (Stats, error) {
	p, err := newPipe(o)
	if err != nil {
		return Stats{}, err
	}
	defer p.conn.close()
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return Stats{}, fmt.Errorf("make an event descriptor: %w", err)
	}
	defer unix.Close(wake)
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-woken
		}
	}()
	for p.now = time.Now(); ; p.now = time.Now() {
		if p.stopped.IsZero() && ctx.Err() != nil {
			p.stopped = p.now
		}
		p.endIdle()
		p.checkSuppressed()
		p.look()
		p.flush()
		if p.finished() {
			break
		}
		if err := p.wait(wake); err != nil {
			return p.Stats, err
		}
	}
	p.finish()
	return p.Stats, nil
}

func newPipe(o Options) (*pipe, error) {
	if len(o.Sources) == 0 {
		return nil, errors.New("there is nothing to read")
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	p := &pipe{Options: o, conn: conn{path: o.Socket, fd: -1, peer: -1}, report: makePrefixes(o.Fields, "")}
	for _, s := range o.Sources {
		p.sources = append(p.sources, &source{Source: s, prefixes: makePrefixes(o.Fields, s.Stream),
			splitter: splitter{max: o.LineMax}, priority: s.Priority})
	}
	p.gap.restarted = o.Restarted
	p.polled = make([]unix.PollFd, 0, len(p.sources)+3)
	if err := p.conn.dial(); err != nil {
		return nil, err
	}
	p.now = time.Now()
	p.look()
	return p, nil
}

// wait waits until there is something to do, and reads what there is to read.
func (p *pipe) wait(wake int) error {
	p.polled = p.polled[:0]
	for _, s := range p.sources {
		fd := -1 // poll ignores it
		if !s.ended && p.takes() {
			fd = s.FD
		}
		p.polled = append(p.polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	p.polled = append(p.polled, unix.PollFd{Fd: int32(p.conn.peer), Events: unix.POLLIN}) // -1 is ignored
	if p.full {
		p.polled = append(p.polled, unix.PollFd{Fd: int32(p.conn.fd), Events: unix.POLLOUT})
	}
	if p.stopped.IsZero() {
		p.polled = append(p.polled, unix.PollFd{Fd: int32(wake), Events: unix.POLLIN})
	}
	if _, err := unix.Poll(p.polled, p.timeout()); err != nil && err != unix.EINTR {
		return fmt.Errorf("wait for output: %w", err)
	}
	p.now = time.Now()
	if p.polled[len(p.sources)].Revents != 0 {
		p.seen = true
		p.lost(errJournaldEnded)
	}
	for i, s := range p.sources {
		if p.polled[i].Revents != 0 {
			p.read(s)
		}
	}
	return nil
}

// takes reports whether sources may be read.
func (p *pipe) takes() bool { return p.Drop || p.q.unsent < 2*batchMax }

// timeout returns how long wait may wait for events, in milliseconds; -1 for ever.
func (p *pipe) timeout() int {
	at := p.wakeSending()
	soon := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, s := range p.sources {
		if !s.ended && p.PartialAfter > 0 && s.unfinished() && p.takes() {
			soon(s.last.Add(p.PartialAfter))
		}
	}
	if !p.stopped.IsZero() {
		soon(p.stopped.Add(p.ExitWait))
	}
	if !p.ended.IsZero() {
		soon(p.ended.Add(p.ExitWait))
	}
	if p.Options.Suppressed != nil && p.Entries != p.rates.entries {
		soon(p.rates.next)
	}
	if at.IsZero() {
		return -1
	}
	return max(0, int((at.Sub(p.now)+time.Millisecond-1)/time.Millisecond))
}

// endIdle writes unfinished lines that have waited for PartialAfter, and ends all sources
// if they have not ended within ExitWait.
func (p *pipe) endIdle() {
	running := false
	for _, s := range p.sources {
		if !s.ended && !p.stopped.IsZero() && p.now.Sub(p.stopped) >= p.ExitWait {
			p.end(s)
		}
		if !s.ended && p.PartialAfter > 0 && s.unfinished() && p.takes() && p.now.Sub(s.last) >= p.PartialAfter {
			p.idle(s)
		}
		running = running || !s.ended
	}
	if !running && p.ended.IsZero() {
		p.ended = p.now
	}
}

// finished reports whether all is done, or nothing more can be done.
func (p *pipe) finished() bool {
	if p.ended.IsZero() {
		return false
	}
	if p.now.Sub(p.ended) >= p.ExitWait {
		return true
	}
	if len(p.q.all) == 0 {
		p.finalSuppressed()
	}
	return len(p.q.all) == 0 && !p.gap.any()
}

// finish counts what journald did not take.
func (p *pipe) finish() {
	for i, b := range p.q.all {
		if i < p.q.sent || b.again {
			p.Unconfirmed += uint64(b.lines)
		} else {
			p.DroppedLines += uint64(b.lines)
			p.DroppedBytes += uint64(b.bytes)
		}
	}
	if p.away {
		p.AwayTime += p.now.Sub(p.awaySince)
	}
	if p.Lost() {
		p.Log.Warn("lines did not reach the journal, or may not have", "dropped", p.DroppedLines,
			"unconfirmed", p.Unconfirmed, "suppressed", p.Stats.Suppressed)
	}
}
