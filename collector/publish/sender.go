package publish

import (
	"context"
	"errors"
	"log/slog"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/nats-io/nats.go"
)

// sender is the publisher's own goroutine, which owns the window and the spool.
//
// Either everything in flight comes from the tick and the spool is empty, or
// everything in flight was read from the spool and new frames are appended to it. So
// the order is kept, whatever fails.
type sender struct {
	p       *Publisher
	log     *slog.Logger
	subject string
	reply   []byte // reply subject; its last bytes are the number of the frame
	win     window
	spool   *spool // nil: none is wanted, or it could not be opened

	retry    time.Time // nothing is sent before
	reopen   time.Time // the spool is not opened before
	closing  context.Context
	overflow uint64 // of the spool, as counted so far
	corrupt  uint64
	warned   map[string]time.Time // when each warning was logged last
	spooling bool                 // as logged

	disk     diskWatch
	replaced bool            // another sender has taken over: see replace.go
	left     chan struct{}   // closed when this sender, having been replaced, has closed the spool
	after    <-chan struct{} // left of the sender that this one replaced; nil once the spool is this one's
	wantKey  bool            // frames are lost until a keyframe: theirs waits for the disk
}

const (
	pollEvery  = 250 * time.Millisecond // how often timeouts and the connection are checked
	retryAfter = time.Second
)

// newSender makes a sender, which opens no spool before after is closed, unless it is nil.
func (p *Publisher) newSender(after <-chan struct{}) *sender {
	s := &sender{
		p: p, log: p.opt.Log,
		subject: bus.Frames(p.opt.Cluster, p.opt.Agent, p.opt.Shards),
		reply:   append([]byte(p.inbox+"."), make([]byte, bus.ReplyNumberSize)...),
		warned:  map[string]time.Time{},
		left:    make(chan struct{}), after: after, wantKey: after != nil,
	}
	p.senders++
	s.win.first, s.win.limit = p.senders<<40, maxInFlight // so that no answer is taken for another sender's
	p.waiting.Store(after != nil)
	if after != nil {
		p.wantKey.Store(true)
	}
	return s
}

func (s *sender) run() {
	defer func() {
		if !s.replaced {
			close(s.p.ended)
		}
	}()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var ctxDone <-chan struct{}
	for {
		select {
		case <-s.p.queue.ready:
		case a := <-s.p.acks:
			s.settle(a)
		case <-poll.C:
			s.check(time.Now())
		case s.closing = <-s.p.stop:
			ctxDone = s.closing.Done()
		case <-ctxDone:
			s.finish()
			return
		}
		s.work()
		if s.replaced {
			s.end()
			return
		}
		if s.closing != nil && s.win.n == 0 && (!s.canSend() || s.spoolEmpty()) {
			s.finish()
			return
		}
	}
}

// work sends or stores everything that can be.
func (s *sender) work() {
	for !s.replaced {
		it, ok := s.p.queue.pop()
		if !ok {
			break
		}
		if s.wantKey && !it.fresh {
			s.p.queue.release(it.buf)
			s.p.lost(1)
			continue
		}
		s.wantKey = false
		if s.spoolEmpty() && s.canSend() && !s.win.full() {
			s.send(flight{item: it})
			continue
		}
		if s.live() && s.spool != nil {
			s.spoolInFlight() // those are older
		}
		s.store(it)
	}
	for !s.replaced && !s.live() && !s.win.full() && s.canSend() && !s.spoolEmpty() {
		if !s.sendSpooled() {
			break
		}
	}
	s.publishStats()
}

// live reports whether what is in flight comes from the tick.
func (s *sender) live() bool { return s.win.n > 0 && s.win.oldest().seg == nil }

// canSend reports whether NATS may take a frame now.
func (s *sender) canSend() bool {
	return s.p.nc.IsConnected() && (s.retry.IsZero() || !time.Now().Before(s.retry))
}

// send publishes one frame and puts it in flight.
func (s *sender) send(f flight) bool {
	bus.PutReplyNumber(s.reply, s.win.next())
	// The connection copies the subject before it returns, so it may share our buffer.
	reply := unsafe.String(unsafe.SliceData(s.reply), len(s.reply))
	err := s.p.nc.PublishRequest(s.subject, reply, f.data())
	f.at = time.Now()
	s.win.add(f)
	if err == nil {
		s.p.count.sent.Add(1)
		return true
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		err = refused(err)
	}
	s.settle(ack{number: s.win.next() - 1, err: err})
	return false
}

// sendSpooled reads the next record of the spool and publishes it.
func (s *sender) sendSpooled() bool {
	s.enterDisk()
	buf, seg := s.spool.next(s.p.queue.buffer())
	s.leaveDisk()
	if buf == nil {
		return false
	}
	f := flight{item: item{buf: buf}, seg: seg}
	if h, err := frame.Peek(f.data()); err != nil || h.Agent != s.p.opt.Agent {
		// The node had another id then, and relays reject frames of another agent.
		f.at = time.Now()
		s.win.add(f)
		s.settle(ack{number: s.win.next() - 1, err: refused(errors.New("a spooled frame is of another agent"))})
		return true
	}
	return s.send(f)
}

// settle handles the answer to a frame.
func (s *sender) settle(a ack) {
	f := s.win.at(a.number)
	if f == nil || f.acked {
		return // it went to the spool before the answer came
	}
	switch {
	case a.err == nil:
		s.p.count.acked.Add(1)
		s.win.limit = maxInFlight
	case bus.IsRefused(a.err):
		s.p.count.errors.Add(1)
		s.p.lost(1)
		s.warn("a frame was refused and is lost", a.err)
	default:
		s.p.count.errors.Add(1)
		s.warn("frames are not stored by NATS", a.err)
		s.spoolInFlight()
		return
	}
	f.acked = true
	for s.win.n > 0 && s.win.oldest().acked {
		done := s.win.drop()
		if done.seg != nil {
			s.enterDisk()
			s.spool.ack(done.seg)
			s.leaveDisk()
		}
		s.p.queue.release(done.buf)
	}
}

// check handles a lost connection and overdue acknowledgements.
func (s *sender) check(now time.Time) {
	s.resumeSpool()
	if s.win.n == 0 {
		return
	}
	switch {
	case !s.p.nc.IsConnected():
		s.spoolInFlight()
	case now.Sub(s.win.oldest().at) > s.p.opt.AckTimeout:
		s.p.count.errors.Add(1)
		s.warn("frames are not stored by NATS", bus.ErrNoAck)
		s.spoolInFlight()
	}
}

// spoolInFlight empties the window: frames that are not acknowledged go to the spool, or
// are still there. From then on one frame at a time is tried until one succeeds.
func (s *sender) spoolInFlight() {
	if s.win.n > 0 && !s.live() {
		s.enterDisk()
		s.spool.rewind()
		s.leaveDisk()
	}
	for s.win.n > 0 {
		f := s.win.drop()
		if f.seg == nil && !f.acked {
			s.store(f.item)
		} else {
			s.p.queue.release(f.buf)
		}
	}
	s.win.limit = 1
	s.retry = time.Now().Add(retryAfter)
}

// finish writes everything to the spool and closes it.
func (s *sender) finish() {
	s.spoolInFlight()
	for {
		it, ok := s.p.queue.pop()
		if !ok {
			break
		}
		s.store(it)
	}
	s.publishStats()
	s.closeSpool()
}
