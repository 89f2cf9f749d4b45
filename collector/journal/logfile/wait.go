package logfile

import (
	"context"
	"io"
	"time"
)

// How often files are looked at by a reader that waits: where events come they may be
// missing, as on a network's filesystem.
const (
	pollWatched   = time.Second
	pollUnwatched = 50 * time.Millisecond
)

// Wait returns nil when there is a line ahead or Errors has something to be taken, io.EOF
// when there will be nothing more after End, or ctx's error.
func (r *Reader) Wait(ctx context.Context) error {
	r.settle()
	r.follows = true
	timer := time.NewTimer(pollWatched)
	defer timer.Stop()
	for {
		ended := r.ended.Load()
		news, works := r.w.next()
		if r.repeat || r.peek() || len(r.errs) > 0 {
			return nil
		}
		if ended && r.leaveAt == 0 {
			return io.EOF
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		every := pollUnwatched
		if works && r.leaveAt == 0 {
			every = pollWatched
		}
		timer.Reset(every)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		case <-r.wake:
		case <-timer.C:
		}
	}
}
