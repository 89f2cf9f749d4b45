package journal

import (
	"context"
	"time"
)

// Where the processes that write are known, live files are looked at when one of those
// rests, and not again for pollBusy. Else their headers are looked at each pollBusy while
// somebody waits for entries, and each pollIdle if none came for idleAfter: what costs is
// to wake up, up to 0.1 ms in a virtual machine. Then, whether a directory that was not
// there has come is looked at each lookForMissing times.
const (
	pollBusy  = 5 * time.Millisecond
	pollIdle  = 10 * time.Millisecond
	idleAfter = time.Second

	lookForMissing = 4
)

// rescanEvery is how often directories are listed where no event told of a
// change: events get lost.
const rescanEvery = 2 * time.Second

// runner is what Run does.
type runner struct {
	j       *Journal
	w       *watch
	writers *writers
	poller
	timer    *time.Timer // of the next look
	ticks    bool        // it is going to be
	stranger bool        // a file was written to, by none of writers yet
}

// Run watches the directories and the live files until ctx ends, and wakes
// readers that wait. It returns nil then.
func (j *Journal) Run(ctx context.Context) error {
	w, err := newWatch(j)
	if err != nil {
		j.o.Log.Warn("journal directories cannot be watched and are listed every two seconds", "err", err)
	}
	defer w.close()
	j.refreshAndWake(w) // what came since Open
	r := &runner{j: j, w: w, writers: newWriters(j.o.Log, j.has), timer: time.NewTimer(time.Hour)}
	defer r.timer.Stop()
	defer r.writers.close()
	rescan := time.NewTicker(j.rescanEvery)
	defer rescan.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-j.asked: // somebody waits now
			if !r.ticks && !r.writers.on {
				r.rest(time.Now())
			}
		case <-r.writers.rested:
			r.rested(time.Now())
		case <-r.writers.ended:
			r.writers.forget(time.Now())
			r.rest(time.Now())
		case now := <-r.timer.C:
			r.rest(now)
		case e := <-w.events():
			if changesListing(e) {
				j.refreshAndWake(w)
				r.writers.lookSoon()
			} else if r.writers.on {
				r.told(time.Now())
			}
		case err := <-w.errors():
			j.o.Log.Debug("events of journal directories were lost", "err", err)
			j.refreshAndWake(w)
		case now := <-rescan.C:
			j.refreshAndWake(w)
			j.wake()
			if r.writers.on {
				r.told(now) // of what was written on another machine, for example
			}
		}
	}
}

// rested looks at what a process wrote that rests now. Readers are woken even where the
// number of entries is that of the last look: journald counts an entry before it lists it.
func (r *runner) rested(now time.Time) {
	r.stranger = false
	r.writers.listen(false)
	r.lookAround(true)
	r.changed(r.j.written(), now)
	r.j.wake()
	r.lookIn(pollBusy)
}

// told looks at files that were written to, perhaps, by somebody who is not known: a writer
// that is listened to rests soon.
func (r *runner) told(now time.Time) {
	before := r.entries
	if r.changed(r.j.written(), now) {
		r.j.wake()
	}
	if r.entries != before {
		r.stranger = true
		r.lookIn(pollBusy)
	}
}

// rest looks at all live files, and has the next look come when it is due, or a writer
// rests.
func (r *runner) rest(now time.Time) {
	r.ticks = false
	if r.j.waiting.Load() == 0 {
		r.writers.listen(false)
		return
	}
	if r.stranger {
		r.stranger = false
		r.writers.miss(now)
	}
	r.writers.look(now)
	listen := r.writers.known(now) && !r.j.looked.Load().unfinished
	r.writers.listen(listen) // before the look: nothing is written between them unseen
	r.looks++
	r.lookAround(listen || r.looks%lookForMissing == 0)
	if r.changed(r.j.written(), now) {
		r.j.wake()
	}
	if !listen {
		r.lookIn(r.every(now))
	}
}

// lookAround looks for files that inotify reports no event for.
func (r *runner) lookAround(missing bool) {
	if r.j.looked.Load().unfinished || missing && r.w.missingCame() {
		r.j.refreshAndWake(r.w)
	}
}

func (r *runner) lookIn(d time.Duration) {
	r.timer.Reset(d)
	r.ticks = true
}

// poller says when to look for entries, by how many there are.
type poller struct {
	looks   int
	entries uint64
	again   bool
	rose    time.Time // when there were new ones
}

// changed reports whether there are new entries, and once more at the next call:
// journald counts an entry a moment before it lists it for each of its fields.
func (p *poller) changed(entries uint64, now time.Time) bool {
	rose := entries != p.entries
	look := rose || p.again
	if p.entries, p.again = entries, rose; rose {
		p.rose = now
	}
	return look
}

// every is when to look again.
func (p *poller) every(now time.Time) time.Duration {
	if now.Sub(p.rose) > idleAfter {
		return pollIdle
	}
	return pollBusy
}
