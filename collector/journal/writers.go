package journal

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/daytwo/daytwo/collector/journal/switches"
)

// writers watches the processes that write journal files. They write through mappings, of
// which nobody is told, or by journald 250 ms later; but they rest once they have written,
// and the kernel tells of that.
type writers struct {
	log      *slog.Logger
	ours     func(inode uint64) bool // whether a file is of the journal
	rested   chan struct{}           // capacity 1: one has rested
	ended    chan struct{}           // capacity 1: one has ended
	counters map[int]*switches.Counter
	work     sync.WaitGroup
	on       bool // they are listened to

	due      time.Time // when to look for processes
	pause    time.Duration
	missed   time.Time // until then there may be one that is not known
	mu       sync.Mutex
	finished []int // pids that have ended
}

const (
	minLook = 50 * time.Millisecond // between two looks for processes
	maxLook = 30 * time.Second
	// missedFor is how long files are looked at time and again after a process wrote that
	// is not known, and comesAfter, after one has ended: another one may follow it.
	missedFor  = time.Minute
	comesAfter = 10 * time.Second
)

func newWriters(log *slog.Logger, ours func(inode uint64) bool) *writers {
	return &writers{log: log, ours: ours, rested: make(chan struct{}, 1), ended: make(chan struct{}, 1),
		counters: map[int]*switches.Counter{}, pause: minLook}
}

// known reports whether all processes that write are listened to, as far as can be told.
func (w *writers) known(now time.Time) bool { return len(w.counters) > 0 && now.After(w.missed) }

// listen lets the kernel tell of processes that rest, or not.
func (w *writers) listen(on bool) {
	if w.on == on {
		return
	}
	w.on = on
	for _, c := range w.counters {
		_ = c.Switch(on) // one that has ended is told of, and forgotten
	}
}

// lookSoon has processes looked for at once: files have come that somebody writes.
func (w *writers) lookSoon() { w.due, w.pause = time.Time{}, minLook }

// miss says that a process writes that is not known.
func (w *writers) miss(now time.Time) {
	w.lookSoon()
	if !w.look(now) {
		w.missed = now.Add(missedFor)
	}
}

// forget forgets processes that have ended.
func (w *writers) forget(now time.Time) {
	w.mu.Lock()
	finished := w.finished
	w.finished = nil
	w.mu.Unlock()
	for _, pid := range finished {
		w.drop(pid)
	}
	w.lookSoon()
	w.missed = now.Add(comesAfter)
}

func (w *writers) drop(pid int) {
	if c := w.counters[pid]; c != nil {
		_ = c.Close() // nothing is left to be done about it
		delete(w.counters, pid)
	}
}

// look looks for processes if that is due, and reports whether there are new ones.
func (w *writers) look(now time.Time) (came bool) {
	if now.Before(w.due) {
		return false
	}
	found := journalWriters(w.ours)
	for pid := range w.counters {
		if !slices.Contains(found, pid) {
			w.drop(pid)
		}
	}
	for _, pid := range found {
		if w.counters[pid] != nil {
			continue
		}
		c, err := switches.Open(pid)
		if err == nil && !isJournalWriter(pid) { // the number is another process' by now
			err = errors.Join(os.ErrProcessDone, c.Close())
		}
		if err == nil && w.on {
			err = c.Switch(true)
		}
		if err != nil {
			w.log.Debug("a process that writes journal files cannot be listened to", "pid", pid, "err", err)
			continue
		}
		came, w.missed = true, time.Time{}
		w.counters[pid] = c
		w.work.Go(func() { w.tell(pid, c) })
	}
	w.due = now.Add(w.pause)
	w.pause = min(2*w.pause, maxLook)
	return came
}

// tell signals each rest of a process, and its end.
func (w *writers) tell(pid int, c *switches.Counter) {
	signal := func(c chan struct{}) {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	for {
		err := c.Wait()
		switch {
		case err == nil:
			signal(w.rested)
			continue
		case errors.Is(err, switches.ErrEnded):
			w.mu.Lock()
			w.finished = append(w.finished, pid)
			w.mu.Unlock()
			signal(w.ended)
		}
		return
	}
}

func (w *writers) close() {
	for _, c := range w.counters {
		_ = c.Close() // nothing is left to be done about it
	}
	w.work.Wait()
}

// Told returns of how many processes that write to the journal the kernel can tell when they
// rest, and why it cannot tell of one. Where it tells of none, followers cost the time to
// look at files again and again.
func (j *Journal) Told() (n int, err error) {
	for _, pid := range journalWriters(j.has) {
		c, e := switches.Open(pid)
		if e == nil {
			n++
			e = c.Close()
		}
		err = errors.Join(err, e)
	}
	return n, err
}
