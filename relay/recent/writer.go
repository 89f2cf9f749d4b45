package recent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

const (
	retryDisk  = 10 * time.Second // pause after a failed write
	batchBytes = 1 << 20          // frames taken at once
	listRoom   = 64               // most bytes of a record in a footer, without its agent's id
)

// writer is the goroutine that writes frames and footers to disk, and deletes old
// segments. It holds the store's lock while it takes frames and while it records what it
// has done, never during input and output. It is the only one that changes segments, so
// that it reads them without the lock.
type writer struct {
	*Store
	wake  chan struct{} // capacity 1: signals that there is something to do
	ended chan struct{} // closed when run returns
	err   error         // of finish; valid once ended is closed

	// Guarded by the store's lock.
	expire  bool      // delete old segments
	closing bool      // end once everything is written
	busy    time.Time // since when the writer waits for the disk; zero if it does not
	gaveUp  bool      // the disk stalled: the current batch is counted as unwritten

	last    int64 // number in the name of the newest segment
	batch   []pendingFrame
	buf     []byte  // encoded records that are not written yet
	places  []place // the records in buf
	written int     // frames of the batch that are on disk
	buffed  int     // frames of the batch that are on disk or in buf
	wrote   bool    // a part of the batch was written
	stall   *time.Timer
}

// newWriter starts the writer of a store with a directory. last is the number in the name
// of the newest segment there.
func newWriter(s *Store, last int64) *writer {
	w := &writer{Store: s, wake: make(chan struct{}, 1), ended: make(chan struct{}), last: last}
	w.stall = time.AfterFunc(time.Hour, w.stalled)
	w.stall.Stop()
	go w.run()
	return w
}

// signal wakes the writer.
func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for range w.wake {
		for w.step() {
		}
		w.mu.Lock()
		closing := w.closing
		w.mu.Unlock()
		if closing {
			w.err = w.finish()
			return
		}
	}
}

// step writes one batch. It reports whether there was anything to do.
func (w *writer) step() bool {
	w.mu.Lock()
	if w.disk.pending.queue.len() == 0 && !w.expire {
		w.mu.Unlock()
		return false
	}
	w.batch = w.disk.pending.take(w.batch[:0], batchBytes)
	expire := w.expire
	w.expire = false
	w.busy, w.gaveUp = time.Now(), false
	w.mu.Unlock()

	w.stall.Reset(w.o.StallAfter)
	if expire {
		w.dropOld(w.o.Now().UnixNano())
	}
	err := w.write()
	w.stall.Stop()
	w.settle(err)
	return true
}

// settle records the result of write, logs if the disk begins or ceases to fail, and
// calls the stored functions of the batch.
func (w *writer) settle(err error) {
	var now int64
	if err != nil {
		now = w.o.Now().UnixNano()
	}
	lost := uint64(0)
	for i := w.written; i < len(w.batch); i++ {
		if w.batch[i].data != nil {
			lost++
		}
	}
	w.mu.Lock()
	d := &w.disk
	was := d.failing
	w.busy = time.Time{}
	if !w.gaveUp {
		d.unwritten += lost
		d.pending.settled()
	}
	switch {
	case err != nil:
		d.errors++
		d.failing, d.retry = true, now+retryDisk.Nanoseconds()
	case w.wrote || w.gaveUp:
		d.failing = false
	}
	failing, gaveUp := d.failing, w.gaveUp
	w.mu.Unlock()
	switch {
	case failing && !was:
		w.o.Log.Error("history is kept in memory only, because it cannot be written to disk; retrying",
			"path", w.o.Dir, "err", err)
	case was && !failing:
		w.o.Log.Info("history is written to disk again", "path", w.o.Dir)
	}
	for i := range w.batch {
		if fn := w.batch[i].stored; fn != nil && !gaveUp {
			fn()
		}
	}
	clear(w.batch)
}

// stalled gives up writing the pending frames, since the disk does not respond. They are
// kept in memory only, like all frames that arrive until the disk responds.
func (w *writer) stalled() {
	w.mu.Lock()
	if w.busy.IsZero() || w.gaveUp || time.Since(w.busy) < w.o.StallAfter {
		w.mu.Unlock()
		return // the disk has responded meanwhile
	}
	d := &w.disk
	w.gaveUp = true
	d.stalls++
	d.failing, d.retry = true, maxTime
	frames, stored := d.pending.giveUp()
	d.unwritten += uint64(frames)
	w.mu.Unlock()
	w.o.Log.Error("history is kept in memory only: the disk does not respond",
		"path", w.o.Dir, "waited", w.o.StallAfter, "unwritten_frames", frames)
	call(stored)
}

// write writes the batch.
func (w *writer) write() error {
	w.buf, w.places, w.written, w.buffed, w.wrote = w.buf[:0], w.places[:0], 0, 0, false
	for i := range w.batch {
		if f := &w.batch[i]; f.data != nil {
			if err := w.add(f); err != nil {
				return errors.Join(err, w.flush()) // write the frames before it
			}
		}
		w.buffed = i + 1
	}
	return w.flush()
}

// add appends a frame to buf, and before it the part of the keyframe that it refers to,
// if the segment does not have that.
func (w *writer) add(f *pendingFrame) error {
	need := int64(len(f.data)+len(f.keyData)) + 2*(recordHead+listRoom+int64(len(f.Agent)))
	if err := w.room(f, need); err != nil {
		return err
	}
	if f.keyData != nil && !w.disk.active.hasKey(&f.Header) {
		w.put(&f.key, f.keyData, true)
	}
	w.put(&f.Header, f.data, false)
	return nil
}

// put appends a record to buf.
func (w *writer) put(h *frame.Header, data []byte, carried bool) {
	seg := w.disk.active
	at := len(w.buf)
	flags := uint32(0)
	if carried {
		flags = flagCarried
	}
	w.buf = record(w.buf, data, flags)
	w.places = append(w.places, place{
		Header: *h, off: seg.size + int64(at), size: uint32(len(w.buf) - at), carried: carried,
	})
	if h.Keyframe() {
		seg.noteKey(h)
	}
}

// flush writes buf to the active segment.
func (w *writer) flush() error {
	if len(w.buf) == 0 {
		w.written = w.buffed
		return nil
	}
	seg := w.disk.active
	if err := seg.write(w.buf, seg.size); err != nil {
		clear(seg.keys) // some of them were only in buf
		w.buf, w.places, w.buffed = w.buf[:0], w.places[:0], w.written
		return err
	}
	w.responded()
	w.mu.Lock()
	seg.size += int64(len(w.buf))
	for i := range w.places {
		seg.list(&w.places[i])
		if w.places[i].carried {
			w.disk.carried++
		}
	}
	for i := w.written; i < w.buffed; i++ {
		seg.end = max(seg.end, w.batch[i].at)
	}
	w.mu.Unlock()
	w.written, w.wrote = w.buffed, true
	w.buf, w.places = w.buf[:0], w.places[:0]
	return nil
}

// room ensures that there is an active segment, and that need more bytes for a frame
// stay within Options.DiskBytes: it begins a new segment and deletes old ones.
func (w *writer) room(f *pendingFrame, need int64) error {
	d, most := &w.disk, w.o.DiskBytes
	if a := d.active; a != nil {
		old := f.at-a.begun >= w.o.SegmentFor.Nanoseconds()
		if full := a.size+int64(len(w.buf))+a.listed >= most/8; old || full {
			if err := w.rotate(); err != nil {
				return err
			}
		}
	}
	if need > most {
		return fmt.Errorf("a frame of %d bytes exceeds the size of the whole history (%d bytes)", need, most)
	}
	for len(d.segments) > 0 {
		full := d.bytes()+int64(len(w.buf))+need > most
		if many := d.active == nil && len(d.segments) >= maxSegments; !full && !many {
			break
		}
		if d.segments[0] == d.active {
			if err := w.flush(); err != nil {
				return err
			}
		}
		w.drop(d.segments[0])
	}
	if d.active != nil {
		return nil
	}
	w.last = max(f.at, w.last+1)
	seg, err := createSegment(filepath.Join(w.o.Dir, fmt.Sprintf("%020d.seg", w.last)), f.at, f.no)
	if err != nil {
		return err
	}
	seg.reads = &w.reads
	w.mu.Lock()
	d.active = seg
	d.segments = append(d.segments, seg)
	w.mu.Unlock()
	return nil
}

// rotate seals the active segment. If its footer cannot be written, nothing is lost: the
// lists stay in memory, and the next start scans the file.
func (w *writer) rotate() error {
	if err := w.flush(); err != nil {
		return err
	}
	seg := w.disk.active
	foot := seg.footer()
	err := seg.write(foot.body, seg.size)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		seg.seal(foot)
	} else {
		w.disk.errors++
	}
	seg.keys = nil
	w.disk.active = nil
	return nil
}

// dropOld deletes the segments whose newest frame is older than Options.DiskFor.
func (w *writer) dropOld(now int64) {
	d := &w.disk
	if a := d.active; a != nil && now-a.begun >= w.o.SegmentFor.Nanoseconds() {
		_ = w.rotate() // flushes nothing: buf is empty
	}
	for len(d.segments) > 0 && d.segments[0] != d.active && d.segments[0].end < now-w.o.DiskFor.Nanoseconds() {
		w.drop(d.segments[0])
	}
}

// drop deletes a segment.
func (w *writer) drop(seg *segment) {
	d := &w.disk
	w.mu.Lock()
	d.segments = slices.DeleteFunc(d.segments, func(s *segment) bool { return s == seg })
	if d.active == seg {
		d.active = nil
	}
	seg.gone = true
	unused := seg.refs == 0
	w.mu.Unlock()
	if err := os.Remove(seg.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.failed()
		w.o.Log.Error("an old segment of the history cannot be deleted", "path", seg.path, "err", err)
	}
	if unused {
		seg.file.Close()
	}
	w.responded()
}

// responded records that the disk completed an operation: it counts as stalled only
// StallAfter from now.
func (w *writer) responded() {
	w.mu.Lock()
	w.busy = time.Now()
	w.mu.Unlock()
	w.stall.Reset(w.o.StallAfter)
}

// finish seals the newest segment and closes the files.
func (w *writer) finish() error {
	w.mu.Lock()
	w.busy = time.Now()
	w.mu.Unlock()
	var err error
	if seg := w.disk.active; seg != nil {
		foot := seg.footer()
		if err = seg.write(foot.body, seg.size); err == nil {
			err = seg.file.Sync()
		}
	}
	w.mu.Lock()
	segments := w.disk.segments
	w.disk.segments, w.disk.active = nil, nil
	var unused []*segment
	for _, seg := range segments {
		if seg.gone = true; seg.refs == 0 {
			unused = append(unused, seg)
		}
	}
	w.mu.Unlock()
	for _, seg := range unused {
		err = errors.Join(err, seg.file.Close())
	}
	return err
}
