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
	retryDisk   = 10 * time.Second // how long a disk that failed is left alone
	maxSegments = 1000             // open files, should something restart the relay all the time
)

// disk is the segments, oldest first; the last may be the active one.
type disk struct {
	o        *Options
	segments []*segment
	active   *segment
	failing  bool
	retry    int64 // not to be tried before, Unix nanoseconds
	last     int64 // name of the newest segment
	buf      []byte
	places   []place

	errors, unwritten, cut, cutBytes, carried uint64
}

// append writes a frame, and before it its keyframe if the segment lacks it.
func (d *disk) append(now int64, no uint64, h *frame.Header, data []byte, key *keyframe) {
	if d.o.Dir == "" {
		return
	}
	if d.failing && now < d.retry {
		d.unwritten++
		return
	}
	if err := d.write(now, no, h, data, key); err != nil {
		d.errors++
		d.unwritten++
		d.retry = now + retryDisk.Nanoseconds()
		if !d.failing {
			d.o.Log.Error("history on disk stopped, keeping it in memory only: make room or mend the disk; it is tried again by itself",
				"dir", d.o.Dir, "err", err)
		}
		d.failing = true
		return
	}
	if d.failing {
		d.failing = false
		d.o.Log.Info("history on disk goes on", "dir", d.o.Dir)
	}
}

func (d *disk) write(now int64, no uint64, h *frame.Header, data []byte, key *keyframe) error {
	need := int64(len(data)) + recordHead
	if !h.Keyframe() {
		need += int64(len(key.parts[h.Part])) + recordHead
	}
	if err := d.room(now, no, need); err != nil {
		return err
	}
	seg := d.active
	here := seg.agents[h.Agent]
	buf, places := d.buf[:0], d.places[:0]
	put := func(h *frame.Header, data []byte, carried bool) {
		at := len(buf)
		flags := uint32(0)
		if carried {
			flags = flagCarried
			d.carried++
		}
		buf = record(buf, data, flags)
		places = append(places, place{Header: *h, off: seg.size + int64(at), size: uint32(len(buf) - at), carried: carried})
	}
	if !h.Keyframe() && !here.hasKey(h.Boot, h.Key, h.Part) {
		kh := key.Header
		kh.Part = h.Part
		put(&kh, key.parts[h.Part], true)
	}
	put(h, data, false)
	d.buf, d.places = buf, places
	if err := seg.write(buf); err != nil {
		return err
	}
	seg.end = now
	for i := range places {
		seg.list(&places[i])
	}
	return nil
}

// room makes sure that there is an active segment and that need more bytes
// stay within the bound.
func (d *disk) room(now int64, no uint64, need int64) error {
	if a := d.active; a != nil && (now-a.begun >= d.o.SegmentFor.Nanoseconds() || a.size+a.listed >= d.o.DiskBytes/8) {
		d.rotate()
	}
	if need > d.o.DiskBytes {
		return fmt.Errorf("a frame of %d bytes is larger than all history may be (%d)", need, d.o.DiskBytes)
	}
	for len(d.segments) > 0 && (d.bytes()+need > d.o.DiskBytes || d.active == nil && len(d.segments) >= maxSegments) {
		if d.segments[0] == d.active {
			d.active = nil
		}
		d.drop(d.segments[0])
	}
	if d.active != nil {
		return nil
	}
	d.last = max(now, d.last+1)
	seg, err := createSegment(filepath.Join(d.o.Dir, fmt.Sprintf("%020d.seg", d.last)), now, no)
	if err != nil {
		return err
	}
	d.active = seg
	d.segments = append(d.segments, seg)
	return nil
}

// rotate seals the active segment. A footer that does not fit is no loss: the
// lists stay in memory, and the next start scans the file.
func (d *disk) rotate() {
	if err := d.active.seal(); err != nil {
		d.errors++
	}
	d.active = nil
}

// expire deletes the segments whose newest record is too old.
func (d *disk) expire(now int64) {
	if a := d.active; a != nil && now-a.begun >= d.o.SegmentFor.Nanoseconds() {
		d.rotate()
	}
	for len(d.segments) > 0 && d.segments[0] != d.active && d.segments[0].end < now-d.o.DiskFor.Nanoseconds() {
		d.drop(d.segments[0])
	}
}

func (d *disk) drop(seg *segment) {
	if err := os.Remove(seg.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.errors++
		d.o.Log.Error("history on disk: cannot delete an old segment", "file", seg.path, "err", err)
	}
	d.segments = slices.DeleteFunc(d.segments, func(s *segment) bool { return s == seg })
	if seg.gone = true; seg.refs == 0 {
		seg.file.Close()
	}
}

func (d *disk) bytes() (n int64) {
	for _, s := range d.segments {
		n += s.size + s.listed
	}
	return n
}

func (d *disk) holds(agent string) bool {
	for _, s := range d.segments {
		if s.agents[agent] != nil {
			return true
		}
	}
	return false
}

// release gives a segment back that a reader held.
func (s *Store) release(segs ...*segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range segs {
		if seg.refs--; seg.gone && seg.refs == 0 {
			seg.file.Close()
		}
	}
}
