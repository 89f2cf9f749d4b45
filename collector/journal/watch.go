package journal

import (
	"context"
	"runtime/debug"
)

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

// has reports whether one of the files has an inode number.
func (j *Journal) has(inode uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key := range j.files {
		if key.ino == inode {
			return true
		}
	}
	return false
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
