package journal

import (
	"context"
	"runtime/debug"
	"time"
)

// While somebody waits for entries, the headers of live files are looked at each
// pollBusy, and each pollIdle if none came for idleAfter: what costs is to wake
// up, up to 0.1 ms in a virtual machine. Whether a directory that was not there
// has come is looked at each lookForMissing times. journald writes through a mapping and tells
// inotify 250 ms later: too late for a person who follows a log.
const (
	pollBusy  = 5 * time.Millisecond
	pollIdle  = 10 * time.Millisecond
	idleAfter = time.Second

	lookForMissing = 4
)

// rescanEvery is how often directories are listed where no event told of a
// change: events get lost.
const rescanEvery = 2 * time.Second

// Run watches the directories and the live files until ctx ends, and wakes
// readers that wait. It returns nil then.
func (j *Journal) Run(ctx context.Context) error {
	w, err := newWatch(j)
	if err != nil {
		j.o.Log.Warn("journal directories cannot be watched and are listed every two seconds", "err", err)
	}
	defer w.close()
	j.refreshAndWake(w) // what came since Open
	rescan := time.NewTicker(rescanEvery)
	defer rescan.Stop()
	poll := time.NewTicker(pollBusy)
	defer poll.Stop()
	p := poller{every: pollBusy}
	for {
		ticks := poll.C
		if j.waiting.Load() == 0 {
			ticks = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-j.asked: // somebody waits now
		case now := <-ticks:
			if p.looks++; p.looks%lookForMissing == 0 && w.missingCame() || j.looked.Load().unfinished {
				j.refreshAndWake(w)
			}
			if p.changed(j.written(), now) {
				j.wake()
			}
			if p.adapt(now) {
				poll.Reset(p.every)
			}
		case e := <-w.events():
			if tells(e) {
				j.refreshAndWake(w)
			}
		case err := <-w.errors():
			j.o.Log.Debug("events of journal directories were lost", "err", err)
			j.refreshAndWake(w)
		case <-rescan.C:
			j.refreshAndWake(w)
			j.wake()
		}
	}
}

// poller says when to look for entries, by how many there are.
type poller struct {
	looks   int
	entries uint64
	again   bool
	rose    time.Time // when there were new ones
	every   time.Duration
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

// adapt sets how often to look, and reports whether that is another time.
func (p *poller) adapt(now time.Time) bool {
	every := pollBusy
	if now.Sub(p.rose) > idleAfter {
		every = pollIdle
	}
	is := every != p.every
	p.every = every
	return is
}

func (j *Journal) refreshAndWake(w *watch) {
	before := j.gen.Load()
	j.Refresh()
	if w.update() {
		j.Refresh() // for what came before they were watched
	}
	if j.gen.Load() != before {
		j.wake()
	}
}

// written changes whenever an entry is written to any live file.
func (j *Journal) written() (n uint64) {
	j.mu.Lock()
	live := j.live
	j.mu.Unlock()
	for _, f := range live {
		if f.acquire() { // and without the lock: to read a mapped file may take long
			n += f.count()
			_ = f.release() // the last one tells what goes wrong
		}
	}
	return n
}

// count notes how many entries the file has, and returns that; 0 if it was cut
// off.
func (f *File) count() (n uint64) {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	if n = f.entries(); n > f.known.Load() {
		f.known.Store(n)
		f.lastNumber.Store(f.u64(headTailSeqnum))
	}
	return n
}

// wake wakes all readers that wait.
func (j *Journal) wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.news)
	j.news = make(chan struct{})
}

// Wait returns when there is an entry ahead, or files came, went or became
// unreadable since the last call, or with ctx's error. The journal's Run has to
// be running.
func (r *Reader) Wait(ctx context.Context) error {
	r.j.waiting.Add(1)
	defer r.j.waiting.Add(-1)
	select {
	case r.j.asked <- struct{}{}:
	default:
	}
	for {
		r.j.mu.Lock()
		news := r.j.news
		r.j.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.isNews() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		}
	}
}

// isNews reports whether there is an entry ahead or something to be told.
func (r *Reader) isNews() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sync() || r.ahead() || len(r.errs) > 0
}
