package publish

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/lockfile"
)

// A sender whose spool's disk does not respond is replaced by another one, which sends
// frames without a spool. The replaced sender ends once its disk operation returns: it
// stores what it still has, and closes the spool, which its successor then opens and
// drains. A successor touches no disk before that, so at most one sender waits for it. It
// begins with a keyframe: that of the frames in the queue may wait for the disk.

// diskPatience is how long a disk operation may take before the sender is replaced. Tests
// shorten it.
var diskPatience = 5 * time.Second

// diskWatch reports whether a sender waits for the disk. The sender calls enter and leave;
// the publisher's watch calls claim.
type diskWatch struct{ since atomic.Int64 } // Unix nanoseconds; 0: not on the disk; claimed: replaced

const claimed = -1

func (d *diskWatch) enter() { d.since.Store(time.Now().UnixNano()) }

// leave reports whether the sender was replaced since enter.
func (d *diskWatch) leave() (replaced bool) { return d.since.Swap(0) == claimed }

// claim reports whether a disk operation is under way for longer than diskPatience. Then
// the leave of that operation reports that the sender was replaced.
func (d *diskWatch) claim() bool {
	since := d.since.Load()
	return since > 0 && time.Now().UnixNano()-since > int64(diskPatience) && d.since.CompareAndSwap(since, claimed)
}

// enterDisk and leaveDisk enclose every use of the spool that reads or writes files.
func (s *sender) enterDisk() { s.disk.enter() }

func (s *sender) leaveDisk() { s.replaced = s.disk.leave() || s.replaced }

// firstSender makes the sender that New starts, and opens the spool. If that takes longer
// than diskPatience, the sender begins without it.
func (p *Publisher) firstSender() (*sender, error) {
	s := p.newSender(nil)
	opened := make(chan error, 1)
	go func() { opened <- s.openSpool() }()
	patience := time.NewTimer(diskPatience)
	defer patience.Stop()
	select {
	case err := <-opened:
		if errors.Is(err, lockfile.ErrInUse) {
			return nil, err
		}
		return s, nil
	case <-patience.C:
	}
	go func() {
		defer close(s.left)
		<-opened
		s.closeSpool()
	}()
	p.withoutSpool()
	return p.newSender(s.left), nil
}

// watch replaces the sender whenever the disk of its spool does not respond, until the
// last sender has ended.
func (p *Publisher) watch(s *sender) {
	tick := time.NewTicker(diskPatience / 5)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
		if next := p.replace(s); next != nil {
			s = next
			go s.run()
		}
	}
}

// replace returns a new sender if s waits for the disk, else nil. After Close, s itself
// ends, and nobody replaces it.
func (p *Publisher) replace(s *sender) *sender {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !s.disk.claim() {
		return nil
	}
	p.withoutSpool()
	return p.newSender(s.left)
}

// withoutSpool counts and logs that frames are sent without a spool from now on.
func (p *Publisher) withoutSpool() {
	p.count.errors.Add(1)
	p.opt.Log.Error("the disk of the spool does not respond: frames are sent without it, and are lost while NATS cannot "+
		"be reached",
		"path", p.opt.SpoolDir)
}

// resumeSpool opens the spool once the replaced sender has closed it.
func (s *sender) resumeSpool() {
	if s.after == nil {
		return
	}
	select {
	case <-s.after:
		s.after = nil
		s.p.waiting.Store(false)
		s.log.Info("the disk of the spool responds again", "path", s.p.opt.SpoolDir)
		_ = s.openSpool() // it counts and logs errors
	default:
	}
}

// end ends a replaced sender.
func (s *sender) end() {
	defer close(s.left)
	s.spoolInFlight()
	s.publishStats()
	s.closeSpool()
}
