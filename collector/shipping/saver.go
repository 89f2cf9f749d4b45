package shipping

import (
	"sync"
	"time"
)

// saver saves the position on a goroutine of its own, as the disk may not respond. Its
// fields belong to the shipper's lock, unless stated otherwise.
type saver struct {
	jobs  chan place // of which at most one waits
	busy  bool
	begun time.Time
	saved place
	job   place // that is being saved

	mu     sync.Mutex // of what follows
	done   bool       // the job has ended
	failed error      // of the last job
	news   error      // not logged yet
}

func (v *saver) start(path string, ended *sync.WaitGroup) {
	v.jobs = make(chan place, 2)
	ended.Go(func() {
		for p := range v.jobs {
			err := writePosition(path, &p)
			v.mu.Lock()
			v.done, v.failed = true, err
			if err != nil {
				v.news = err
			}
			v.mu.Unlock()
		}
	})
}

// save has a position saved if it is not yet, nothing else is being saved, and the time
// has come.
func (v *saver) save(p *place, now time.Time, every time.Duration) {
	v.collect()
	if v.busy || p.equal(&v.saved) || now.Sub(v.begun) < every {
		return
	}
	v.busy, v.begun = true, now
	v.job.set(p)
	v.jobs <- v.job.clone()
}

// collect notes how the last job ended.
func (v *saver) collect() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.busy && v.done {
		v.busy, v.done = false, false
		if v.failed == nil {
			v.saved.set(&v.job)
		}
	}
}

// last saves a position as the last one.
func (v *saver) last(p *place) {
	v.collect()
	if v.busy || !p.equal(&v.saved) {
		v.jobs <- p.clone() // there is room: at most one waits
	}
	close(v.jobs)
}

// takeError returns the error of the last job, once. It needs no lock of the shipper.
func (v *saver) takeError() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.news
	v.news = nil
	return err
}

func (p *place) clone() place {
	return place{append([]byte(nil), p.cursor...), p.realtime}
}
